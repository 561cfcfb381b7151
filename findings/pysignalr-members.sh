#!/usr/bin/env bash
# PyPI pysignalr 1.3.3 fails with TypeError at a message with a member that it does not know, and with ValueError at a type of message that it
# does not know, such as 8 and 9, which ASP.NET Core has since version 8.
# Guess: further members and types are ignored.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pysignalr==1.3.3

cat >run.py <<'PY'
from pysignalr.protocol.json import JSONProtocol

messages = (
    '{"type":1,"target":"print","arguments":[1]}',
    '{"type":1,"target":"print","arguments":[1],"traceparent":"a"}',
    '{"type":8,"sequenceId":1}',
    '{"type":9,"sequenceId":1}',
)
for message in messages:
    try:
        print(message, [type(part).__name__ for part in JSONProtocol().decode(message + "\x1e")])
    except Exception as error:
        print(message, type(error).__name__)
PY
python3 run.py | expect "{\"type\":1,\"target\":\"print\",\"arguments\":[1]} ['InvocationMessage']
{\"type\":1,\"target\":\"print\",\"arguments\":[1],\"traceparent\":\"a\"} TypeError
{\"type\":8,\"sequenceId\":1} ValueError
{\"type\":9,\"sequenceId\":1} ValueError"
