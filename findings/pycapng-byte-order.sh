#!/usr/bin/env bash
# PyPI pycapng 0.19.7 (libpcapng): a section in big-endian byte order gives no packets and no exception, and the sections after it
# are lost, too. Times with a resolution finer than a nanosecond are wrong: 1000.123456789012 s becomes 1000.012776324 s.
# Guess: both byte orders, as the section header announces one, and times cut to nanoseconds.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pycapng==0.19.7

cat >run.py <<'PY'
import struct
import pycapng

def block(order, kind, body):
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)

def section(order, exponent, ticks):
    header = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    resolution = struct.pack(order + "HHB3xHH", 9, 1, exponent, 0, 0)
    interface = block(order, 1, struct.pack(order + "HHI", 147, 0, 0) + resolution)
    data = b"abcd"
    packet = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)) + data
    return header + interface + block(order, 6, packet)

little, big = section("<", 9, 1000_123456789), section(">", 9, 1000_123456789)
captures = {"little": little, "big": big, "little, big, little": little + big + little,
            "picoseconds": section("<", 12, 1000_123456789012)}
for name, capture in captures.items():
    print(f"{name}: {[packet.timestamp_ns for packet in pycapng.read_packets_mem(capture)]}")
PY
python3 run.py 2>/dev/null | expect 'little: [1000123456789]
big: []
little, big, little: [1000123456789]
picoseconds: [1000012776324]'
