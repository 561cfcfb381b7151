#!/usr/bin/env bash
# PyPI pyrad 2.6.0 reads octets that begin with 0x as hexadecimal digits, even bytes, and text of digits as one number: b"0x41" and "65" are
# sent as b"A", so that a value depends on its first characters.
# Guess: bytes are sent as they are, and text as its UTF-8.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pyrad==2.6.0

cat >run.py <<'PY'
import io
from pyrad.dictionary import Dictionary
from pyrad.packet import AuthPacket

dictionary = Dictionary(io.StringIO("ATTRIBUTE State 24 octets\n"))
for value in (b"0x41", "0x41", b"65", "65", b"1x41"):
    packet = AuthPacket(secret=b"secret", dict=dictionary)
    packet["State"] = value
    print(f"{value!r}:", AuthPacket(packet=packet.RequestPacket(), secret=b"secret", dict=dictionary)["State"])
PY
python3 run.py | expect "b'0x41': [b'A']
'0x41': [b'A']
b'65': [b'65']
'65': [b'A']
b'1x41': [b'1x41']"
