#!/usr/bin/env bash
# PyPI ijson 3.6.0 with use_float=True: the backend that it prefers (yajl2_c) refuses integers from 2^63 on, so that a document with
# one unsigned 64-bit integer cannot be read. Its Python backend, and both without use_float, read the integer exactly.
# Guess: use_float is about numbers with a decimal point (float, not Decimal), and backends differ in speed alone.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install ijson==3.6.0

cat >run.py <<'PY'
import io
import ijson

print("default backend:", ijson.backend)
for name in ["yajl2_c", "python"]:
    for use_float in [False, True]:
        try:
            value = next(ijson.get_backend(name).items(io.BytesIO(b"[9223372036854775808, 1.5]"), "", use_float=use_float))
        except ijson.JSONError as error:
            value = str(error).splitlines()[0].strip()
        print(f"{name}, use_float={use_float}: {value}")
PY
python3 run.py | expect "default backend: yajl2_c
yajl2_c, use_float=False: [9223372036854775808, Decimal('1.5')]
yajl2_c, use_float=True: parse error: integer overflow
python, use_float=False: [9223372036854775808, Decimal('1.5')]
python, use_float=True: [9223372036854775808, 1.5]"
