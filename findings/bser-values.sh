#!/usr/bin/env bash
# npm bser 2.1.2 reads an integer from 2^53 on as an object of another library, which holds eight bytes, and fails at 1e300, which it takes
# for an integer. A Date is written as an empty object, a Buffer as an object of its bytes, and undefined in an array is refused.
# Guess: a number or a BigInt; a real; an error for what BSER has not; null as in JSON.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install bser@2.1.2

cat >run.cjs <<'JS'
const { dumpToBuffer, loadFromBuffer } = require('bser');
for (const value of [2 ** 53 - 1, 2 ** 53, 0.5, 1e300, new Date(5), Buffer.from([7]), [undefined], { a: undefined }]) {
  try {
    const result = loadFromBuffer(dumpToBuffer(value));
    console.log(value, 'arrives as', typeof result, JSON.stringify(result));
  } catch (error) {
    console.log(value, error.name);
  }
}
JS
node run.cjs | expect '9007199254740991 arrives as number 9007199254740991
9007199254740992 arrives as object {"buffer":{"type":"Buffer","data":[0,32,0,0,0,0,0,0]},"offset":0}
0.5 arrives as number 0.5
1e+300 RangeError
1970-01-01T00:00:00.005Z arrives as object {}
<Buffer 07> arrives as object {"0":7}
[ undefined ] Error
{ a: undefined } arrives as object {}'
