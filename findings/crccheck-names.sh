#!/usr/bin/env bash
# PyPI crccheck 1.3.1's `Crc16` is CRC-16/XMODEM, and its `CrcCcitt` is KERMIT; PyPI crc 8.0.0's `Crc16.IBM` is ARC, and its `Crc8.CCITT` is
# SMBUS. The same name is another checksum in another library, and both ends of a serial line must agree on more than a name.
# Guess: a plain `Crc16` is CRC-16/ARC (bb3d for "123456789"), and CCITT the variant that starts with ffff (29b1).
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install crccheck==1.3.1 crc==8.0.0

cat >run.py <<'PY'
import crc
import crccheck.crc

listed = {0xBB3D: 'ARC', 0x31C3: 'XMODEM', 0x2189: 'KERMIT', 0x29B1: 'IBM-3740', 0xF4: 'SMBUS'}
for name in ['Crc16', 'CrcCcitt', 'Crc16CcittFalse']:
    print('crccheck', name, listed[getattr(crccheck.crc, name).calc(b'123456789')])
for name, kind in [('Crc16.IBM', crc.Crc16.IBM), ('Crc16.IBM_3740', crc.Crc16.IBM_3740), ('Crc8.CCITT', crc.Crc8.CCITT)]:
    print('crc', name, listed[crc.Calculator(kind).checksum(b'123456789')])
PY
python3 run.py | expect 'crccheck Crc16 XMODEM
crccheck CrcCcitt KERMIT
crccheck Crc16CcittFalse IBM-3740
crc Crc16.IBM ARC
crc Crc16.IBM_3740 IBM-3740
crc Crc8.CCITT SMBUS'
