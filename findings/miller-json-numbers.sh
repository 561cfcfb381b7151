#!/usr/bin/env bash
# Miller 6.6.0 (Debian miller 6.6.0-2+b3): "mlr cat" of JSON lines writes integers beyond 64 signed bits, and numbers beyond a
# double, as strings. A text such as "0xff" that passes through CSV comes back as the bare word 0xff, which is not JSON.
# Guess: numbers that are not used in a calculation stay as they are; values from CSV are written as strings or as valid numbers.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install miller=6.6.0-2+b3

echo '{"u64":18446744073709551615,"i64":-9223372036854775808,"huge":1e1000,"price":1.10,"text":"0xff"}' >in.jsonl
{
    mlr --ijsonl --ojsonl cat in.jsonl
    mlr --ijsonl --ocsv cut -f text in.jsonl | mlr --icsv --ojsonl cat | tee bare.jsonl
    python3 -c 'import json; json.load(open("bare.jsonl"))' 2>/dev/null || echo "not JSON"
} | expect '{"u64": "18446744073709551615", "i64": -9223372036854775808, "huge": "1e1000", "price": 1.10, "text": "0xff"}
{"text": 0xff}
not JSON'
