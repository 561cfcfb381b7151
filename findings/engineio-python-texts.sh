#!/usr/bin/env bash
# PyPI python-engineio 4.15.1 delivers a text message that is JSON as what it means: the text "null" arrives as None, "true" as True and
# '{"a": 1}' as a dict, but "1" as text and " 1" as an integer.
# Guess: text arrives as text, whatever it holds.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install python-engineio==4.15.1

cat >run.py <<'PY'
from engineio.packet import MESSAGE, Packet

for text in ("a", "1", " 1", "true", "null", '"a"', '{"a": 1}'):
    print(f"{text!r}:", repr(Packet(encoded_packet=Packet(MESSAGE, text).encode()).data))
PY
python3 run.py | expect "'a': 'a'
'1': '1'
' 1': 1
'true': True
'null': None
'\"a\"': 'a'
'{\"a\": 1}': {'a': 1}"
