#!/usr/bin/env bash
# Canonical JSON (RFC 8785): npm json-canonicalize 3.0.1 does not sort the object that toJSON returns, which canonicalize 4.0.0
# does. PyPI rfc8785 0.1.4 refuses the integer 2^53, and jcs 0.2.1 writes 2^53 + 1 as 2^53.
# Guess: sorted at every level; 2^53 written, as it is exact; an error for 2^53 + 1.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-canonicalize@3.0.1 canonicalize@4.0.0
pip_install rfc8785==0.1.4 jcs==0.2.1

cat >run.mjs <<'JS'
import canonicalize from 'canonicalize';
import { canonicalize as jsonCanonicalize } from 'json-canonicalize';
const value = { price: { toJSON: () => ({ unit: 'EUR', amount: 1 }) }, name: 'x' };
console.log('canonicalize:', canonicalize(value));
console.log('json-canonicalize:', jsonCanonicalize(value));
JS
cat >run.py <<'PY'
import jcs
import rfc8785

for name, dumps in [("jcs", jcs.canonicalize), ("rfc8785", rfc8785.dumps)]:
    for number in (2**53, 2**53 + 1):
        try:
            print(f"{name} {number}:", dumps(number).decode())
        except Exception as error:
            print(f"{name} {number}:", type(error).__name__)
PY
{ node run.mjs && python3 run.py; } | expect 'canonicalize: {"name":"x","price":{"amount":1,"unit":"EUR"}}
json-canonicalize: {"name":"x","price":{"unit":"EUR","amount":1}}
jcs 9007199254740992: 9007199254740992
jcs 9007199254740993: 9007199254740992
rfc8785 9007199254740992: IntegerDomainError
rfc8785 9007199254740993: IntegerDomainError'
