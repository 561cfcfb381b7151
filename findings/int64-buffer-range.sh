#!/usr/bin/env bash
# npm int64-buffer 1.1.2 makes -2^63 of 2^63, as a number and as text, and 0 of text that is no number. It takes 1.5 for 1 and "1e3" for 1,
# and refuses a BigInt.
# Guess: errors for what does not fit; 1000; the value of the BigInt.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install int64-buffer@1.1.2

cat >run.cjs <<'JS'
const { Int64BE } = require('int64-buffer');
for (const value of ['9223372036854775807', '9223372036854775808', 2 ** 63, 'text', 1.5, '1e3', 5n]) {
  try {
    console.log(typeof value, `${value}:`, new Int64BE(value).toString());
  } catch (error) {
    console.log(typeof value, `${value}:`, error.name);
  }
}
JS
node run.cjs | expect 'string 9223372036854775807: 9223372036854775807
string 9223372036854775808: -9223372036854775808
number 9223372036854776000: -9223372036854775808
string text: 0
number 1.5: 1
string 1e3: 1
bigint 5: TypeError'
