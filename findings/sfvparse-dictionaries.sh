#!/usr/bin/env bash
# Python sfvparse 0.1.0 (structured fields of RFC 8941): a dictionary member without a value, which means true, is refused; a byte
# sequence is returned still in Base64; a string is written as a token when it looks like one; a decimal is cut instead of rounded,
# and a small one is written with an exponent. http-sf 1.5.0 does all of it as the RFC says.
# Guess: the RFC's own examples work, and a value has the same type after a round trip.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install sfvparse==0.1.0 http-sf==1.5.0

python3 - <<'PY' | expect "a=1, b -> sfvparse: ValueError, http-sf: a=1, b
:aGk=: -> sfvparse: b'aGk=', http-sf: b'hi'
'abc' -> sfvparse: abc, http-sf: \"abc\"
12.3456 -> sfvparse: 12.345, http-sf: 12.346
1e-07 -> sfvparse: 1e-07, http-sf: 0.0"
import http_sf, sfvparse

try:
    members = sfvparse.parse_dict("a=1, b")
except ValueError as error:
    members = type(error).__name__
print("a=1, b -> sfvparse:", f"{members}, http-sf:", http_sf.ser(http_sf.parse(b"a=1, b", tltype="dictionary")))
decoded = http_sf.parse(b":aGk=:", tltype="item")[0]
print(":aGk=: -> sfvparse:", f"{sfvparse.parse_item(':aGk=:')['value']}, http-sf: {decoded}")
for value in ["abc", 12.3456, 1e-7]:
    written = sfvparse.serialize_list([{"value": value, "params": {}}]).decode()
    print(f"{value!r} -> sfvparse: {written}, http-sf: {http_sf.ser(value)}")
PY
