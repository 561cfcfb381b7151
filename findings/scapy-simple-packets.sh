#!/usr/bin/env bash
# Python scapy 2.8.0: a simple packet of a pcapng file is read as empty when the interface has the snapshot length 0, which means no
# limit. With a snapshot length it is read. Its time, which the format does not have, is the time of the reading.
# Guess: all bytes.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install scapy==2.8.0

python3 - 2>/dev/null <<'PY' | expect "snapshot length 0: b'', a present time
snapshot length 65535: b'data', a present time"
import io, struct, time
from scapy.utils import PcapNgReader

def block(kind, body):
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length

section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
for limit in [0, 65535]:
    data = section + block(1, struct.pack("<HHI", 147, 0, limit)) + block(3, struct.pack("<I", 4) + b"data")
    packet = next(iter(PcapNgReader(io.BytesIO(data))))
    age = "a present time" if abs(time.time() - float(packet.time)) < 600 else float(packet.time)
    print(f"snapshot length {limit}: {bytes(packet)}, {age}")
PY
