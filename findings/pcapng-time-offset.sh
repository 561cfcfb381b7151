#!/usr/bin/env bash
# The pcapng option if_tsoffset, seconds to add to the times of an interface: scapy 2.8.0 and python-pcapng 2.1.1 leave it out, so
# that packets date from 1970; dpkt 1.9.8 adds it. python-pcapng, which has times as floats, also loses nanoseconds.
# Guess: all three add it, and nanoseconds are kept.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install scapy==2.8.0 python-pcapng==2.1.1 dpkt==1.9.8

python3 - 2>/dev/null <<'PY' | expect "offset 1700000000: scapy 0.25, python-pcapng 0.25, dpkt 1700000000.25
nanoseconds: scapy 1700000000.123456789, python-pcapng 1700000000.123456955"
import io, struct
import dpkt
from pcapng import FileScanner
from scapy.utils import PcapNgReader

def block(kind, body):
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length

def capture(option, time):
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(1, struct.pack("<HHI", 147, 0, 0) + option + struct.pack("<HH", 0, 0))
    return section + interface + block(6, struct.pack("<5I", 0, time >> 32, time & 0xFFFFFFFF, 4, 4) + b"data")

def scapy(data):
    return next(iter(PcapNgReader(io.BytesIO(data)))).time

def python_pcapng(data):
    return [block for block in FileScanner(io.BytesIO(data)) if hasattr(block, "timestamp")][0].timestamp

data = capture(struct.pack("<HHq", 14, 8, 1700000000), 250000)
times = [float(scapy(data)), python_pcapng(data), float(next(iter(dpkt.pcapng.Reader(io.BytesIO(data))))[0])]
print("offset 1700000000: scapy {}, python-pcapng {}, dpkt {}".format(*times))
data = capture(struct.pack("<HHB3x", 9, 1, 9), 1700000000_123456789)
print(f"nanoseconds: scapy {scapy(data)}, python-pcapng {python_pcapng(data):.9f}")
PY
