#!/usr/bin/env bash
# PyPI pyasn1 0.6.5: the real 1e-300 comes back as 9.999999836597137e-301, and NaN fails, though X.690 has it. A time with an offset is
# written with the offset, and the encoder of DER refuses what fromDateTime() made.
# Guess: the same number; NaN; the time in UTC.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pyasn1==0.6.5

cat >run.py <<'PY'
import datetime
from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ, useful

for number in (0.1, 1e300, 1e-300, float("nan")):
    try:
        print(f"{number}:", float(decoder.decode(encoder.encode(univ.Real(number)))[0]))
    except ValueError:
        print(f"{number}: ValueError")
zone = datetime.timezone(datetime.timedelta(hours=2))
noon = useful.GeneralizedTime.fromDateTime(datetime.datetime(2026, 1, 2, 12, tzinfo=zone))
print("12:00 at +02:00:", noon)
try:
    encoder.encode(noon)
except PyAsn1Error:
    print("as DER: PyAsn1Error")
PY
python3 run.py | expect '0.1: 0.1
1e+300: 1e+300
1e-300: 9.999999836597137e-301
nan: ValueError
12:00 at +02:00: 20260102120000+0200
as DER: PyAsn1Error'
