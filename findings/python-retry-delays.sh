#!/usr/bin/env bash
# Delays of Python retry libraries: PyPI stamina 26.1.0 caps a delay after it has added the jitter, so that from the cap on all
# clients wait equally long; retry 0.9.2 applies max_delay to the second delay at the earliest, and adds its jitter up from delay
# to delay.
# Guess: jitter at the cap too; no delay above max_delay; a fixed jitter of 1 s makes each delay of 1 s one of 2 s.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install stamina==26.1.0 retry==0.9.2

cat >run.py <<'PY'
import logging
import time
import retry
import stamina

logging.disable(logging.CRITICAL)
stamina.instrumentation.set_on_retry_hooks([])

def delays(decorator):
    slept = []
    time.sleep = slept.append

    @decorator
    def fail():
        raise ValueError

    try:
        fail()
    except ValueError:
        return slept

at_cap = delays(stamina.retry(on=ValueError, attempts=12, wait_initial=1, wait_max=5, wait_jitter=1, timeout=None))[3:]
print(f"stamina, jitter 1, cap 5: the last {len(at_cap)} delays are {set(at_cap)}")
print("retry, delay 10, max_delay 3:", delays(retry.retry(ValueError, tries=3, delay=10, max_delay=3)))
print("retry, delay 1, jitter 1:", delays(retry.retry(ValueError, tries=5, delay=1, jitter=1)))
PY
python3 run.py | expect 'stamina, jitter 1, cap 5: the last 8 delays are {5.0}
retry, delay 10, max_delay 3: [10, 3]
retry, delay 1, jitter 1: [1, 2, 3, 4]'
