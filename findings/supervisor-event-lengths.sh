#!/usr/bin/env bash
# PyPI supervisor 4.3.0 tells event listeners the length of an event in characters, and sends it in UTF-8: a listener that reads as many
# bytes does not get the end of an event with other characters than ASCII, and reads it as the next header.
# Guess: the length in bytes.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install supervisor==4.3.0

cat >listener.py <<'PY'
import os
import sys

def read(count):
    data = b""
    while len(data) < count:
        data += os.read(0, count - len(data))
    return data

os.write(1, b"READY\n")
line = b""
while not line.endswith(b"\n"):
    line += read(1)
headers = dict(pair.split(b":") for pair in line.split())
payload = read(int(headers[b"len"]))
os.set_blocking(0, False)
try:
    rest = os.read(0, 100)
except BlockingIOError:
    rest = b""
with open("result.new", "w") as result:
    print("event:", payload.split(b"\n", 1)[1], "rest:", rest, file=result)
os.rename("result.new", "result")
os.write(1, b"RESULT 2\nOK")
PY
for text in tea 'caf\303\251'; do
    cat >supervisord.conf <<CONF
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=supervisord.pid
[eventlistener:listener]
command=python3 listener.py
events=PROCESS_LOG_STDOUT
autorestart=false
[program:printer]
command=sh -c "sleep 3; printf '$text'; sleep 60"
stdout_events_enabled=true
CONF
    rm -f result
    PYTHONWARNINGS=ignore python3 -m supervisor.supervisord -c supervisord.conf >supervisord.log 2>&1 &
    for _ in $(seq 300); do [ -e result ] || sleep 0.1; done
    kill %%
    wait
    cat result
done | expect "event: b'tea' rest: b''
event: b'caf\\xc3' rest: b'\\xa9'"
