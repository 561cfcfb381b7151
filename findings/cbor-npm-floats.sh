#!/usr/bin/env bash
# Floats of CBOR in JavaScript (npm): cbor 10.0.12, cborg 6.1.5 and @levischuck/tiny-cbor 0.3.6 write the integer 2^53 as a float of
# 32 bits, which a decoder of integers refuses. tiny-cbor does not read floats of 16 bits, which cborg writes, and which
# deterministic encoders such as Rust's ciborium write as well.
# Guess: 1b0020000000000000, as 2^53 - 1 is 1b001fffffffffffff; and 1.5.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install cbor@10.0.12 cborg@6.1.5 @levischuck/tiny-cbor@0.3.6

cat >run.mjs <<'JS'
import cbor from 'cbor';
import { encode as cborg } from 'cborg';
import { decodeCBOR, encodeCBOR } from '@levischuck/tiny-cbor';
for (const [name, encode] of Object.entries({ cbor: cbor.encode, cborg, 'tiny-cbor': encodeCBOR }))
  console.log(`${name}:`, ...[2 ** 53 - 1, 2 ** 53, 1.5].map((number) => Buffer.from(encode(number)).toString('hex')));
try {
  console.log('tiny-cbor f93e00:', decodeCBOR(Uint8Array.from(cborg(1.5))));
} catch (error) {
  console.log('tiny-cbor f93e00:', error.message);
}
JS
node run.mjs | expect "cbor: 1b001fffffffffffff fa5a000000 fa3fc00000
cborg: 1b001fffffffffffff fa5a000000 f93e00
tiny-cbor: 1b001fffffffffffff fa5a000000 fa3fc00000
tiny-cbor f93e00: Float16 data is unsupported"
