#!/usr/bin/env bash
# PyPI python-qpid-proton 0.40.0 (AMQP 1.0) reads binary data as a memoryview in the body, in properties and as a message's ID, and a ttl below
# one millisecond arrives as 0. ubyte(256) and int32(2**31) can be made.
# Guess: bytes; an error for the time; OverflowError for numbers that do not fit.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install python-qpid-proton==0.40.0

cat >run.py <<'PY'
from proton import int32, Message, ubyte

def echo(**fields):
    message = Message()
    message.decode(Message(**fields).encode())
    return message

print("body:", type(echo(body=b"a").body).__name__)
print("property:", type(echo(properties={"key": b"a"}).properties["key"]).__name__)
print("ID:", type(echo(id=b"a").id).__name__)
print("ttl of 0.0005 s:", echo(ttl=0.0005).ttl)
print(repr(ubyte(256)), repr(int32(2**31)))
PY
python3 run.py | expect 'body: memoryview
property: memoryview
ID: memoryview
ttl of 0.0005 s: 0.0
ubyte(256) int32(2147483648)'
