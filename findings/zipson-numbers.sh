#!/usr/bin/env bash
# npm zipson 0.2.12 writes NaN and infinity as 0 and rounds other numbers that JSON keeps: 2^53 + 2 is 2^53, 1e21 is 999999999999999700000, 1e-7
# is 0. An invalid date is the beginning of 1970, as it is with npm arson 0.2.6.
# Guess: null for NaN, as JSON does it, and all digits of the others.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install zipson@0.2.12 arson@0.2.6

cat >run.cjs <<'JS'
const { parse, stringify } = require('zipson');
const arson = require('arson');
for (const value of [NaN, Infinity, 2 ** 53 + 2, 1e21, 1e-7, 0.1, 1.7976931348623157e308]) console.log(value, JSON.parse(JSON.stringify(value)), parse(stringify(value)));
console.log('an invalid date', parse(stringify(new Date(NaN))), arson.decode(arson.encode(new Date(NaN))));
JS
node run.cjs | expect 'NaN null 0
Infinity null 0
9007199254740994 9007199254740994 9007199254740992
1e+21 1e+21 999999999999999700000
1e-7 1e-7 0
0.1 0.1 0.1
1.7976931348623157e+308 1.7976931348623157e+308 1.7976931348623131e+308
an invalid date 1970-01-01T00:00:00.000Z 1970-01-01T00:00:00.000Z'
