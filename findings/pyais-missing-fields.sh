#!/usr/bin/env bash
# PyPI pyais 3.3.1 writes fields that the caller leaves out as 0 instead of the value that means "not available" (ITU-R M.1371: latitude 91,
# longitude 181, speed 102.3, course 360, heading 511): a report without a position is one at 0, 0, heading north.
# Guess: not available, as for `turn`, whose default it does know.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pyais==3.3.1

cat >run.py <<'PY'
import pyais

for fields in [{}, {'lat': 91.0, 'lon': 181.0, 'speed': 102.3, 'course': 360.0, 'heading': 511}]:
    message = pyais.decode(*pyais.encode_dict({'type': 1, 'mmsi': 123456789, **fields}))
    print(fields, message.lat, message.lon, message.speed, message.course, message.heading, message.turn)
PY
python3 run.py | expect '{} 0.0 0.0 0.0 0.0 0 -128.0
{'\''lat'\'': 91.0, '\''lon'\'': 181.0, '\''speed'\'': 102.3, '\''course'\'': 360.0, '\''heading'\'': 511} 91.0 181.0 102.3 360.0 511 -128.0'
