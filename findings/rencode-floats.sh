#!/usr/bin/env bash
# PyPI rencode 1.0.9, the codec of Deluge's RPC, writes floats with 32 bits unless told otherwise: 0.1 is another number, 1e300 is infinity and
# 1e-300 is 0, without an error. Lists come back as tuples, and texts as bytes.
# Guess: the number, since every float of Python has 64 bits.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install rencode==1.0.9

cat >run.py <<'PY'
import rencode

for value in [0.5, 0.1, 1e300, 1e-300, 2.0**24 + 1, [1, 2], 'a']:
    print(repr(value), rencode.loads(rencode.dumps(value)), rencode.loads(rencode.dumps(value, float_bits=64), decode_utf8=True))
PY
python3 run.py | expect '0.5 0.5 0.5
0.1 0.10000000149011612 0.1
1e+300 inf 1e+300
1e-300 0.0 1e-300
16777217.0 16777216.0 16777217.0
[1, 2] (1, 2) (1, 2)
'\''a'\'' b'\''a'\'' a'
