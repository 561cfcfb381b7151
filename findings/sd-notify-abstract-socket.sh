#!/usr/bin/env bash
# Python sd-notify 0.1.0 does not know that a NOTIFY_SOCKET with a leading "@" is an abstract socket (as service managers
# in containers pass it): every message fails with FileNotFoundError. sdnotify 0.3.2 delivers it. Without NOTIFY_SOCKET, sd-notify
# fails with a TypeError where sdnotify does nothing.
# Guess: both deliver; both do nothing without a manager.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install sd-notify==0.1.0 sdnotify==0.3.2

python3 - <<'PY' | expect "abstract: sd-notify FileNotFoundError, sdnotify b'READY=1'
unset: sd-notify TypeError, sdnotify does nothing"
import os, socket
import sd_notify, sdnotify

name = f"findings-{os.getpid()}"
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("\0" + name)
manager.settimeout(10)

def outcome():
    try:
        sd_notify.Notifier().ready()
        return "works"
    except Exception as error:
        return type(error).__name__

os.environ["NOTIFY_SOCKET"] = "@" + name
first = outcome()
sdnotify.SystemdNotifier().notify("READY=1")
print(f"abstract: sd-notify {first}, sdnotify {manager.recv(100)}")
del os.environ["NOTIFY_SOCKET"]
first = outcome()
sdnotify.SystemdNotifier().notify("READY=1")
print(f"unset: sd-notify {first}, sdnotify does nothing")
PY
