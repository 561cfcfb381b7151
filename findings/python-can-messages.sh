#!/usr/bin/env bash
# PyPI python-can 4.6.1: two messages with the same contents are not equal, and a list or a set does not find one. A message has an extended
# identifier unless it is told otherwise, and is not checked: nine bytes in a classic frame pass, and a length other than the data's.
# Guess: equal messages; a standard identifier; an error for nine bytes and for a wrong length.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install python-can==4.6.1

cat >run.py <<'PY'
from can import Message

message = Message(arbitration_id=1, data=[1])
print("equal:", message == Message(arbitration_id=1, data=[1]), "in a list:", Message(arbitration_id=1, data=[1]) in [message])
print("extended:", message.is_extended_id)
print("nine bytes:", Message(data=bytes(9)).dlc)
print("two bytes, length 5:", Message(data=[1, 2], dlc=5).dlc)
try:
    Message(data=bytes(9), check=True)
except ValueError:
    print("nine bytes with check: ValueError")
PY
python3 run.py | expect "equal: False in a list: False
extended: True
nine bytes: 9
two bytes, length 5: 5
nine bytes with check: ValueError"
