#!/usr/bin/env bash
# UUIDs of version 7 in Python: uuid6 2025.0.1 adds a millisecond for each UUID that is made in the same one, so that 5000 of them
# take the time seconds into the future, where it stays until the clock has caught up. uuid7 0.1.0 writes another layout than RFC
# 9562: its time, read as milliseconds, lies after the year 2200.
# Guess: the first 48 bits are the milliseconds of the clock, or a few more.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install uuid6==2025.0.1 uuid7==0.1.0

cat >run.py <<'PY'
import datetime
import time
import uuid6
import uuid_extensions

def milliseconds(value):
    return value.int >> 80

for _ in range(5000):
    last = uuid6.uuid7()
print("uuid6: more than a second ahead:", milliseconds(last) > time.time() * 1000 + 1000)
value = uuid_extensions.uuid7()
year = datetime.datetime.fromtimestamp(milliseconds(value) / 1000, datetime.timezone.utc).year
print("uuid7: version", value.version, "after 2200:", year > 2200, "seconds in 36 bits:", abs((value.int >> 92) - time.time()) < 60)
PY
python3 run.py | expect "uuid6: more than a second ahead: True
uuid7: version 7 after 2200: True seconds in 36 bits: True"
