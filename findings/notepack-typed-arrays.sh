#!/usr/bin/env bash
# npm notepack.io 3.0.1: a typed array is written as binary data with one byte per element, whatever the element's width.
# Values above 255 and fractions are lost without an error.
# Guess: the array's underlying bytes (16 bytes for two 64-bit floats), or an array of numbers.
# Seen: Float64Array [1, 2.5] becomes c4 02 01 02, Uint16Array [1, 256] becomes c4 02 01 00.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install notepack.io@3.0.1

node - <<'JS' | expect "Float64Array [1, 2.5]: c4020102
Uint16Array [1, 256]: c4020100"
const { encode } = require('notepack.io');
const hex = (value) => Buffer.from(encode(value)).toString('hex');
console.log('Float64Array [1, 2.5]:', hex(new Float64Array([1, 2.5])));
console.log('Uint16Array [1, 256]:', hex(new Uint16Array([1, 256])));
JS
