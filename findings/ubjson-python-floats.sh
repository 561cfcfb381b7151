#!/usr/bin/env bash
# Universal Binary JSON in Python: simpleubjson 0.7.0 writes floats with 32 bits if they fit their range, so that 0.1 changes;
# py-ubjson 0.16.1 reads integers from 2^63 on as Decimal. Both write infinity as null.
# Guess: 64 bits, as a Python float has; an int; an error for infinity.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install simpleubjson==0.7.0 py-ubjson==0.16.1

cat >run.py <<'PY'
import simpleubjson
import ubjson

for name, encode, decode in [("simpleubjson", simpleubjson.encode, simpleubjson.decode), ("py-ubjson", ubjson.dumpb, ubjson.loadb)]:
    for value in (0.1, 1e300, 2**63, float("inf")):
        print(f"{name} {value!r}: {encode(value)[:1].decode()} {decode(encode(value))!r}")
PY
python3 run.py | expect "simpleubjson 0.1: d 0.10000000149011612
simpleubjson 1e+300: D 1e+300
simpleubjson 9223372036854775808: H Decimal('9223372036854775808')
simpleubjson inf: Z None
py-ubjson 0.1: D 0.1
py-ubjson 1e+300: D 1e+300
py-ubjson 9223372036854775808: H Decimal('9223372036854775808')
py-ubjson inf: Z None"
