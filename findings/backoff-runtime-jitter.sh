#!/usr/bin/env bash
# Python backoff 2.2.1: with backoff.runtime, made for the Retry-After header of a server, the client comes back after a random part
# of the time that the server gave, unless jitter=None is passed; backoff.constant does not wait its interval, either.
# Guess: the given time at least, with jitter on top.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install backoff==2.2.1

python3 - <<'PY' | expect "runtime: 1000 waits of 60, too short: 1000
constant: 1000 waits of 60, too short: 1000
runtime without jitter: 1000 waits of 60, too short: 0"
import time
import backoff

def measure(name, *arguments, **options):
    waits = []
    time.sleep = waits.append

    @backoff.on_exception(*arguments, max_tries=1001, **options)
    def call():
        raise ConnectionError

    try:
        call()
    except ConnectionError:
        pass
    print(f"{name}: {len(waits)} waits of 60, too short: {sum(wait < 60 for wait in waits)}")

measure("runtime", backoff.runtime, ConnectionError, value=lambda error: 60)
measure("constant", backoff.constant, ConnectionError, interval=60)
measure("runtime without jitter", backoff.runtime, ConnectionError, value=lambda error: 60, jitter=None)
PY
