#!/usr/bin/env bash
# PyPI python-hessian 1.2.0 writes every integer as int of 32 bits, so that 2^31 fails with struct.error, though Hessian has a long of 64
# bits. Dates lose their milliseconds, which Hessian counts, and their offset: 12:00 at +02:00 is written as 12:00 UTC. A list within
# a list is read as a tuple.
# Guess: a long from 2^31 on; the milliseconds and the instant are kept; lists.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install python-hessian==1.2.0

cat >run.py <<'PY'
import datetime
import io
from pyhessian.encoder import encode_object
from pyhessian.parser import ParserV1

class Source:
    def __init__(self, data):
        self._read = io.BytesIO(data).read

def echo(value):
    return ParserV1(Source(encode_object(value)))._read_object()

zone = datetime.timezone(datetime.timedelta(hours=2))
for value in (2**31 - 1, 2**31, datetime.datetime(2026, 1, 2, 12, 0, 0, 500000), datetime.datetime(2026, 1, 2, 12, tzinfo=zone), [[1]]):
    try:
        print(f"{value}:", echo(value))
    except Exception as error:
        print(f"{value}:", type(error).__name__)
PY
python3 run.py | expect "2147483647: 2147483647
2147483648: error
2026-01-02 12:00:00.500000: 2026-01-02 12:00:00
2026-01-02 12:00:00+02:00: 2026-01-02 12:00:00
[[1]]: ((1,),)"
