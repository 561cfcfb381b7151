#!/usr/bin/env bash
# Python dpkt 1.9.8 applies the time resolution of the first interface to the packets of all: packets of a second interface with
# nanoseconds are dated a thousand times too late. It ends without an error at a section of the other byte order, as files that
# were joined on another machine have it, and leaves out simple packets.
# Guess: the resolution of the packet's interface, and all packets.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install dpkt==1.9.8

python3 - <<'PY' | expect "two interfaces: [(1700000000.5, b'us'), (1700000000500.0, b'ns')]
two byte orders: [(1700000000.5, b'us')]
simple packet: []"
import io, struct
import dpkt

def block(kind, body, order="<"):
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length

def packet(interface, time, data):
    padding = b"\0" * (-len(data) % 4)
    return block(6, struct.pack("<5I", interface, time >> 32, time & 0xFFFFFFFF, len(data), len(data)) + data + padding)

section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
microseconds = block(1, struct.pack("<HHI", 147, 0, 0))
nanoseconds = block(1, struct.pack("<HHI", 147, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))
big_section = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1), ">")
big_interface = block(1, struct.pack(">HHI", 147, 0, 0), ">")
big_packet = block(6, struct.pack(">5I", 0, 0, 0, 4, 4) + b"data", ">")
first = packet(0, 1700000000_500000, b"us")
files = {
    "two interfaces": section + microseconds + nanoseconds + first + packet(1, 1700000000_500000000, b"ns"),
    "two byte orders": section + microseconds + first + big_section + big_interface + big_packet,
    "simple packet": section + microseconds + block(3, struct.pack("<I", 4) + b"data"),
}
for name, data in files.items():
    print(f"{name}:", [(float(time), bytes(content)) for time, content in dpkt.pcapng.Reader(io.BytesIO(data))])
PY
