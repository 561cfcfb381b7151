#!/usr/bin/env bash
# Python http-sfv 0.9.9 refuses an empty header value as a list and as a dictionary, with a ValueError that has no text. Its
# successor http-sf 1.5.0 returns an empty list and an empty dictionary, as the parsing rules of RFC 8941 demand.
# Guess: empty ones, from both.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install http-sfv==0.9.9 http-sf==1.5.0

python3 - <<'PY' | expect "http-sfv List: ValueError('')
http-sf list: []
http-sfv Dictionary: ValueError('')
http-sf dictionary: {}"
import http_sf, http_sfv

for kind in [http_sfv.List, http_sfv.Dictionary]:
    value = kind()
    try:
        value.parse(b"")
        print("http-sfv", kind.__name__ + ":", value)
    except ValueError as error:
        print("http-sfv", kind.__name__ + ":", f"ValueError({str(error)!r})")
    print("http-sf", kind.__name__.lower() + ":", http_sf.parse(b"", tltype=kind.__name__.lower()))
PY
