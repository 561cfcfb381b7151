#!/usr/bin/env bash
# PyPI pypcappy 0.0.7, pcapng reader: it leaves out the first eight bytes of every packet, so that a packet of up to eight bytes is
# empty; a custom block raises TypeError.
# Guess: the packet's bytes, and blocks of unknown types skipped.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pypcappy==0.0.7

cat >run.py <<'PY'
import struct
from pypcappy import PcapNgFile

def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

def packet(data):
    return block(6, struct.pack("<IIIII", 0, 0, 0, len(data), len(data)) + data)

start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 147, 0, 0))
custom = block(0xBAD, struct.pack("<I", 32473) + b"note")
for name, capture in {"packets": packet(b"0123456789abcdef") + packet(b"four"), "custom block": custom}.items():
    with open("file.pcapng", "wb") as file:
        file.write(start + capture)
    try:
        with PcapNgFile("file.pcapng") as file:
            print(f"{name}: {[packet.data for packet in file.packets]}")
    except TypeError as error:
        print(f"{name}: TypeError: {error}")
PY
python3 run.py | expect "packets: [b'89abcdef', b'']
custom block: TypeError: super() argument 1 must be a type, not str"
