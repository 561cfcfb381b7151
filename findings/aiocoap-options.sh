#!/usr/bin/env bash
# PyPI aiocoap 0.4.17 takes a text as a path for its characters: uri_path="ab" is sent as /a/b. Messages with the same contents are not equal.
# max_age is None if the option is missing, where RFC 7252 has 60. Entity tags of nine bytes are sent, and the limit is eight.
# Guess: an error for a text; equal messages; 60; an error for nine bytes.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install aiocoap==0.4.17

cat >run.py <<'PY'
from aiocoap import CON, CONTENT, GET, Message

def echo(message):
    message.mid, message.mtype, message.token = 1, CON, b"t"
    return Message.decode(message.encode())

print("uri_path='ab':", echo(Message(code=GET, uri_path="ab")).opt.uri_path)
print("uri_path=('ab',):", echo(Message(code=GET, uri_path=("ab",))).opt.uri_path)
print("equal:", Message(code=GET, uri_path=("a",)) == Message(code=GET, uri_path=("a",)))
print("max_age:", echo(Message(code=CONTENT)).opt.max_age)
print("etag:", len(echo(Message(code=CONTENT, etag=b"123456789")).opt.etag))
PY
python3 run.py 2>&1 | expect "uri_path='ab': ('a', 'b')
uri_path=('ab',): ('ab',)
equal: False
max_age: None
etag: 9"
