#!/usr/bin/env bash
# npm signed-varint 2.0.1 changes the sign of -(2^53 - 1), and varint 6.0.0 writes -1 as 2^32 - 1, and 1.5 as 1, though it refuses 2^53.
# Guess: the same number; errors for what a varint has not.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install signed-varint@2.0.1 varint@6.0.0

cat >run.cjs <<'JS'
const signed = require('signed-varint');
const unsigned = require('varint');
for (const value of [-1, -(2 ** 52), -(2 ** 53 - 1), 2 ** 53 - 1]) console.log(`signed-varint ${value}:`, signed.decode(signed.encode(value)));
for (const value of [-1, 1.5, 2 ** 53]) {
  try {
    console.log(`varint ${value}:`, unsigned.decode(unsigned.encode(value)));
  } catch (error) {
    console.log(`varint ${value}:`, error.name);
  }
}
JS
node run.cjs | expect 'signed-varint -1: -1
signed-varint -4503599627370496: -4503599627370496
signed-varint -9007199254740991: 9007199254740990
signed-varint 9007199254740991: 9007199254740991
varint -1: 4294967295
varint 1.5: 1
varint 9007199254740992: RangeError'
