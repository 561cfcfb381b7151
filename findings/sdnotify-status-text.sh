#!/usr/bin/env bash
# PyPI sdnotify 0.3.2 sends a status in Latin-1, where systemd expects UTF-8. A message with any other character is lost, without an
# error, and a READY=1 in it, too.
# Guess: UTF-8, or an exception.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install sdnotify==0.3.2

cat >run.py <<'PY'
import os
import socket
import sdnotify

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("notify")
receiver.settimeout(1)
os.environ["NOTIFY_SOCKET"] = os.path.realpath("notify")
notifier = sdnotify.SystemdNotifier()
for text in ("READY=1", "READY=1\nSTATUS=caf\u00e9", "READY=1\nSTATUS=5 \u20ac"):
    notifier.notify(text)
    try:
        print(ascii(text), "->", receiver.recv(100))
    except TimeoutError:
        print(ascii(text), "-> nothing")
PY
python3 run.py | expect "'READY=1' -> b'READY=1'
'READY=1\\nSTATUS=caf\\xe9' -> b'READY=1\\nSTATUS=caf\\xe9'
'READY=1\\nSTATUS=5 \\u20ac' -> nothing"
