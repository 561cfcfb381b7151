#!/usr/bin/env bash
# PyPI simplefix 1.0.17: a time with an offset is written as the local time: 12:00 at +02:00 becomes 12:00 in append_utc_timestamp(), and
# 12:00Z in append_tz_timestamp(). True is written as "True", though FIX has Y, and a large float with an exponent, which FIX has
# not.
# Guess: 10:00; 12:00+02; Y; digits.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install simplefix==1.0.17

cat >run.py <<'PY'
import datetime
import simplefix

zone = datetime.timezone(datetime.timedelta(hours=2))
noon = datetime.datetime(2026, 1, 2, 12, tzinfo=zone)
message = simplefix.FixMessage()
message.append_utc_timestamp(52, noon)
message.append_tz_timestamp(1132, noon)
message.append_pair(43, True)
message.append_pair(44, 1e22)
for tag in (52, 1132, 43, 44):
    print(f"{tag}:", message.get(tag).decode())
PY
python3 run.py | expect "52: 20260102-12:00:00.000
1132: 20260102-12:00:00.000Z
43: True
44: 1e+22"
