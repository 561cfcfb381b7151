#!/usr/bin/env bash
# json-glib 1.6.6 reads JSON and writes it again: 2^64-1 becomes -1 and 2^63 becomes -2^63. A float of 17 digits or more is written
# with ".0" behind its exponent, which is not JSON, and so is a float beyond the range as "inf.0". A text ends at its first NUL.
# Guess: integers beyond 64 bits become floats or are refused; the output is JSON; texts are kept or refused.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install json-glib-tools=1.6.6-1 libjson-glib-1.0-0=1.6.6-1 libglib2.0-0=2.74.6-2+deb12u9

for text in 18446744073709551615 9223372036854775808 9007199254740993 100.0 1e21 1e400 '"a\u0000b"'; do
    echo "[$text]" >text.json
    json-glib-format text.json >formatted.json
    node -e 'JSON.parse(require("fs").readFileSync("formatted.json"))' 2>/dev/null && valid=JSON || valid="not JSON"
    echo "[$text] becomes $(cat formatted.json), $valid"
done | expect '[18446744073709551615] becomes [-1], JSON
[9223372036854775808] becomes [-9223372036854775808], JSON
[9007199254740993] becomes [9007199254740993], JSON
[100.0] becomes [100.0], JSON
[1e21] becomes [1e+21.0], not JSON
[1e400] becomes [inf.0], not JSON
["a\u0000b"] becomes ["a"], JSON'
