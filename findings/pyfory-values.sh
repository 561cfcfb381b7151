#!/usr/bin/env bash
# PyPI pyfory 1.7.7 refuses integers from 2^63 on and bytearrays, also in its format for Python alone. A time without an offset is taken as
# local time and arrives as a time in UTC, which is not equal to any time without an offset.
# Guess: with the format for Python alone every value of Python's own types arrives as it was given.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pyfory==1.7.7

cat >run.py <<'PY'
import datetime
import pyfory

fory = pyfory.Fory(xlang=False)
values = (2**63 - 1, 2**63, b"a", bytearray(b"a"), {1}, frozenset({1}), (1, 2), datetime.datetime(2026, 1, 2, 12))
for value in values:
    try:
        print(f"{value!r} arrives as", repr(fory.deserialize(fory.serialize(value))))
    except Exception as error:
        print(f"{value!r}:", type(error).__name__)
PY
TZ=EST5 python3 run.py 2>/dev/null | expect "9223372036854775807 arrives as 9223372036854775807
9223372036854775808: OverflowError
b'a' arrives as b'a'
bytearray(b'a'): TypeUnregisteredError
{1} arrives as {1}
frozenset({1}): TypeUnregisteredError
(1, 2) arrives as (1, 2)
datetime.datetime(2026, 1, 2, 12, 0) arrives as datetime.datetime(2026, 1, 2, 17, 0, tzinfo=datetime.timezone.utc)"
