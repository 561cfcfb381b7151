#!/usr/bin/env bash
# PyPI zeep 4.3.3 writes hexBinary as the bytes themselves, not in hexadecimal digits, NaN as nan, and True in a string as True. It writes
# 256 as an unsignedByte and 2^31 as an int. A gYear cannot be written from a number, and the time 24:00:00 is not read, which XML
# Schema allows.
# Guess: 6162, NaN and true; errors for numbers that do not fit; 2024; the next day.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install zeep==4.3.3

cat >run.py <<'PY'
from zeep.xsd.types import builtins

def attempt(name, call):
    try:
        print(name, repr(call()))
    except Exception as error:
        print(name, type(error).__name__)

values = (("HexBinary", b"ab"), ("Double", float("nan")), ("String", True), ("UnsignedByte", 256), ("Int", 2**31), ("gYear", 2024))
for name, value in values:
    attempt(f"{name} {value!r} is written as", lambda: getattr(builtins, name)().xmlvalue(value))
attempt("DateTime 2026-01-02T24:00:00 is read as", lambda: builtins.DateTime().pythonvalue("2026-01-02T24:00:00"))
PY
python3 run.py | expect "HexBinary b'ab' is written as b'ab'
Double nan is written as 'nan'
String True is written as 'True'
UnsignedByte 256 is written as '256'
Int 2147483648 is written as '2147483648'
gYear 2024 is written as TypeError
DateTime 2026-01-02T24:00:00 is read as ValueError"
