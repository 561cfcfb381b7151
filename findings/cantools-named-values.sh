#!/usr/bin/env bash
# PyPI cantools 45.1.0: a signal with a named value is read as an object that is equal to its name, but not to its number, that json refuses
# and that cannot be a key. If two values have one name, the name is written as the last of them. A message that is longer than
# declared is read without an error, and 1.5 is written as an integer.
# Guess: text; the first of two values; an error for a longer message, as for a shorter one, and for 1.5.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install cantools==45.1.0

cat >run.py <<'PY'
import json
import cantools

database = cantools.database.load_string('''VERSION ""
BU_: A
BO_ 256 Fan: 2 A
 SG_ Mode : 0|8@1+ (1,0) [0|255] "" A
 SG_ Speed : 8|8@1+ (1,0) [0|255] "" A
VAL_ 256 Mode 0 "Off" 1 "On" 2 "Off";
''', "dbc")
fan = database.get_message_by_name("Fan")
mode = fan.decode(b"\1\0")["Mode"]
print(type(mode).__name__, "== 'On':", mode == "On", "== 1:", mode == 1)
for name, call in (("as JSON", lambda: json.dumps(mode)), ("as a key", lambda: {mode: 1})):
    try:
        print(name, call())
    except TypeError:
        print(name, "TypeError")
print("Off:", fan.encode({"Mode": "Off", "Speed": 0}))
print("1.5:", fan.encode({"Mode": 0, "Speed": 1.5}))
print("one byte more:", fan.decode(b"\1\0\0")["Speed"])
try:
    fan.decode(b"\1")
except cantools.database.DecodeError:
    print("one byte less: DecodeError")
PY
python3 run.py | expect "NamedSignalValue == 'On': True == 1: False
as JSON TypeError
as a key TypeError
Off: b'\\x02\\x00'
1.5: b'\\x00\\x02'
one byte more: 0
one byte less: DecodeError"
