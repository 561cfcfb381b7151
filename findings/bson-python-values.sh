#!/usr/bin/env bash
# PyPI bson 0.5.10 writes integers from 2^63 on as timestamps, which it reads as integers and npm bson 7.3.4 as timestamps. It writes
# a Decimal as a float. (pymongo has another module bson.)
# Guess: an error, as BSON has no such integers; a decimal of 128 bits or an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install bson==0.5.10
npm_install bson@7.3.4

cat >run.py <<'PY'
import decimal
import bson

for value in (2**63 - 1, 2**63, decimal.Decimal("1.10")):
    print(bson.dumps({"v": value}).hex(), bson.loads(bson.dumps({"v": value}))["v"])
PY
cat >run.js <<'JS'
const { deserialize } = require('bson');
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\n');
for (const [hex, python] of lines.map((line) => line.split(' '))) {
  const { v } = deserialize(Buffer.from(hex, 'hex'), { useBigInt64: true });
  console.log(`type ${hex.slice(8, 10)}: Python ${python}, JavaScript ${v._bsontype ?? typeof v} ${v}`);
}
JS
python3 run.py | node run.js | expect "type 12: Python 9223372036854775807, JavaScript bigint 9223372036854775807
type 11: Python 9223372036854775808, JavaScript Timestamp 9223372036854775808
type 01: Python 1.1, JavaScript number 1.1"
