#!/usr/bin/env bash
# npm vlq 2.0.4 writes 2^31 and all multiples of 2^32 as 0 and keeps the low bits of other large integers, without an error.
# Guess: more digits, since the format has no limit, or an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install vlq@2.0.4

cat >run.cjs <<'JS'
const { decode, encode } = require('vlq');
for (const number of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 5, -(2 ** 31), -(2 ** 31) - 1]) {
  console.log(number, encode(number), decode(encode(number))[0]);
}
JS
node run.cjs | expect '2147483647 +/////D 2147483647
2147483648 A 0
4294967296 A 0
4294967301 K 5
-2147483648 B -2147483648
-2147483649 D -1'
