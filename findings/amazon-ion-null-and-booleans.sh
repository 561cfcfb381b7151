#!/usr/bin/env bash
# PyPI amazon.ion 0.15.0: what it reads from null is neither None nor equal to it, and true is an integer that is not True, so that
# json.dumps() writes 1 for it and refuses null. A struct is no dict.
# Guess: None, True and a dict.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install amazon.ion==0.15.0

cat >run.py <<'PY'
import json
import amazon.ion.simpleion as ion

struct = ion.loads("{nothing: null, ready: true}")
nothing, ready = struct["nothing"], struct["ready"]
print("null:", type(nothing).__name__, "is None:", nothing is None, "== None:", nothing == None, "bool:", bool(nothing))
print("true:", type(ready).__name__, "is True:", ready is True, "== True:", ready == True, "as JSON:", json.dumps(ready))
try:
    json.dumps(nothing)
except TypeError:
    print("null as JSON: TypeError")
print("struct is a dict:", isinstance(struct, dict))
PY
python3 run.py | expect "null: IonPyNull is None: False == None: False bool: False
true: IonPyBool is True: False == True: True as JSON: 1
null as JSON: TypeError
struct is a dict: False"
