#!/usr/bin/env bash
# PyPI pynng 0.9.0 fails with RuntimeError when it receives an empty message. Of 300 messages that are sent in a row, a subscriber and a
# member of a bus receive some, and the sender sees no error.
# Guess: an empty message arrives as b""; all 300 messages arrive, as nothing is slow here.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pynng==0.9.0

cat >run.py <<'PY'
import time
import pynng

with pynng.Pair0(listen="inproc://pair") as one, pynng.Pair0(dial="inproc://pair") as other:
    for message in (b"a", b""):
        other.send(message)
        try:
            print(f"{message!r} arrives as", one.recv())
        except RuntimeError:
            print(f"{message!r}: RuntimeError")

def count(sender, receiver):
    time.sleep(0.2)
    for number in range(300):
        sender.send(b"%d" % number)
    receiver.recv_timeout = 500
    received = 0
    try:
        while True:
            receiver.recv()
            received += 1
    except pynng.Timeout:
        return "all" if received == 300 else "some"

with pynng.Pub0(listen="inproc://publish") as one, pynng.Sub0(dial="inproc://publish") as other:
    other.subscribe(b"")
    print("subscriber:", count(one, other))
with pynng.Bus0(listen="inproc://bus") as one, pynng.Bus0(dial="inproc://bus") as other:
    print("bus:", count(one, other))
PY
python3 run.py | expect "b'a' arrives as b'a'
b'': RuntimeError
subscriber: some
bus: some"
