#!/usr/bin/env bash
# npm js-xdr 3.1.2: an unsigned hyper of 2^64 is written as 0, and a hyper of 2^63 as -2^63, where an int of 2^31 is refused.
# Guess: an error, as for int.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install js-xdr@3.1.2

cat >run.cjs <<'JS'
const { Hyper, Int, UnsignedHyper } = require('js-xdr');
console.log('unsigned hyper 2^64:', UnsignedHyper.fromString((2n ** 64n).toString()).toXDR().toString('hex'));
console.log('hyper 2^63:', Hyper.fromXDR(Hyper.fromString((2n ** 63n).toString()).toXDR()).toString());
try {
  Int.toXDR(2 ** 31);
} catch (error) {
  console.log('int 2^31:', error.message);
}
JS
node run.cjs | expect "unsigned hyper 2^64: 0000000000000000
hyper 2^63: -9223372036854775808
int 2^31: XDR Write Error: invalid i32 value"
