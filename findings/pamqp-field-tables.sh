#!/usr/bin/env bash
# Field tables of AMQP 0-9-1: PyPI pamqp 4.0.1 writes floats with 32 bits, so that 0.1 arrives as 0.10000000149011612, and refuses bytes and
# tuples. amqp 5.4.2 reads the bytes that it wrote as text if they can be text, drops the last zero of Decimal('1.50'), and fails
# at Decimal('1E+3') with struct.error.
# Guess: every value arrives as it was given.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install amqp==5.4.2 pamqp==4.0.1

cat >run.py <<'PY'
from decimal import Decimal
from amqp.serialization import dumps, loads
from pamqp import decode, encode

def with_amqp(value):
    return loads("F", dumps("F", [{"key": value}]), 0)[0][0]["key"]

def with_pamqp(value):
    return decode.field_table(encode.field_table({"key": value}))[1]["key"]

for value in (0.1, b"ab", b"\xff", (1, 2), Decimal("1.50"), Decimal("1E+3")):
    for name, call in (("amqp", with_amqp), ("pamqp", with_pamqp)):
        try:
            print(f"{value!r} through {name}:", repr(call(value)))
        except Exception as error:
            print(f"{value!r} through {name}:", type(error).__name__)
PY
python3 run.py | expect "0.1 through amqp: 0.1
0.1 through pamqp: 0.10000000149011612
b'ab' through amqp: 'ab'
b'ab' through pamqp: TypeError
b'\\xff' through amqp: b'\\xff'
b'\\xff' through pamqp: TypeError
(1, 2) through amqp: [1, 2]
(1, 2) through pamqp: TypeError
Decimal('1.50') through amqp: Decimal('1.5')
Decimal('1.50') through pamqp: Decimal('1.50')
Decimal('1E+3') through amqp: error
Decimal('1E+3') through pamqp: Decimal('1000')"
