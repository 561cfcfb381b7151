#!/usr/bin/env bash
# PyPI grpclib 0.4.9: timeouts above 10 s lose their fraction, and one of 10^8 s has nine digits, where gRPC allows eight. Of binary
# metadata whose values are joined by a comma, which gRPC allows, the second value is lost with padding, and is an error without.
# Guess: 10999m; minutes for 10^8 s; two values.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install grpclib==0.4.9

cat >run.py <<'PY'
from grpclib import metadata

print("timeouts:", *(metadata.encode_timeout(seconds) for seconds in (9.999, 10.999, 10**8)))
for value in ("AP8=,AQ==", "AP8,AQ"):
    try:
        print("a-bin", value, list(metadata.decode_metadata([("a-bin", value)]).items()))
    except ValueError as error:
        print("a-bin", value, error)
PY
python3 run.py | expect "timeouts: 9999m 10S 100000000S
a-bin AP8=,AQ== [('a-bin', b'\x00\xff')]
a-bin AP8,AQ Invalid base64-encoded string: number of data characters (5) cannot be 1 more than a multiple of 4"
