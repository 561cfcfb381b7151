#!/usr/bin/env bash
# npm @dfinity/cbor 0.2.3 writes floats as integers without an error, so that 1.5 becomes 1 and 0.1 becomes 0, and reads no floats. A
# Date and a Map become empty maps. The integer 2^32 is read as a BigInt, 2^32 - 1 as a number.
# To be expected: floats, or an error; the date and the entries, or an error; numbers up to 2^53.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @dfinity/cbor@0.2.3

cat >run.mjs <<'JS'
import { decode, encode } from '@dfinity/cbor';
for (const [name, value] of Object.entries({ 1.5: 1.5, 0.1: 0.1, Date: new Date(5), Map: new Map([['a', 1]]) }))
  console.log(`${name}: ${Buffer.from(encode(value)).toString('hex')}`);
for (const number of [2 ** 32 - 1, 2 ** 32]) console.log(`${number}: ${typeof decode(encode(number))}`);
try {
  console.log('fb3ff8000000000000:', decode(Uint8Array.from(Buffer.from('fb3ff8000000000000', 'hex'))));
} catch (error) {
  console.log('fb3ff8000000000000:', error.message);
}
JS
node run.mjs | expect "1.5: 01
0.1: 00
Date: a0
Map: a0
4294967295: number
4294967296: bigint
fb3ff8000000000000: Unrecognized simple type: 11011"
