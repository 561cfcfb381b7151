#!/usr/bin/env bash
# PyPI asyncua 2.1.0 (OPC UA): a list of lists of different lengths arrives with other lists: [[1], [2, 3]] as [[1], [2], [3]]. Times before 1601
# arrive as 1601, and a time without an offset as UTC.
# Guess: errors for both, as the format has no such values; a time without an offset.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install asyncua==2.1.0

cat >run.py <<'PY'
import datetime
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary

for value in ([[1, 2], [3, 4]], [[1], [2, 3]], datetime.datetime(1500, 1, 1), datetime.datetime(2026, 1, 2)):
    result = variant_from_binary(Buffer(variant_to_binary(ua.Variant(value)))).Value
    print(value, "arrives as", result)
PY
python3 run.py | expect '[[1, 2], [3, 4]] arrives as [[1, 2], [3, 4]]
[[1], [2, 3]] arrives as [[1], [2], [3]]
1500-01-01 00:00:00 arrives as 1601-01-01 00:00:00+00:00
2026-01-02 00:00:00 arrives as 2026-01-02 00:00:00+00:00'
