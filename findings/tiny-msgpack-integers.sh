#!/usr/bin/env bash
# npm tiny-msgpack 2.2.0: integers of 2^32 and more become floats, of 32 bits where that is exact and of 64 bits otherwise,
# so that neighbouring integers have different types. Keys of objects that look like integers become integers.
# Guess: 64-bit integers (cf) and text keys, as JavaScript's keys are text.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install tiny-msgpack@2.2.0

node - <<'JS' | expect "2^32     ca4f800000
2^32 + 1 cb41f0000000100000
{ 5: 1 } 810501"
const { encode } = require('tiny-msgpack');
const hex = (value) => Buffer.from(encode(value)).toString('hex');
console.log('2^32    ', hex(2 ** 32));
console.log('2^32 + 1', hex(2 ** 32 + 1));
console.log('{ 5: 1 }', hex({ 5: 1 }));
JS
