#!/usr/bin/env bash
# npm msgpack-lite 0.2.2: a Buffer is written as binary data, but a Uint8Array, its parent class, as extension 0x12, which
# msgpackr and @msgpack/msgpack do not read as bytes.
# Guess: both as binary data (c4).
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install msgpack-lite@0.2.2

node - <<'JS' | expect "Buffer:     c403010203
Uint8Array: c70312010203"
const { encode } = require('msgpack-lite');
const hex = (value) => encode(value).toString('hex');
console.log('Buffer:    ', hex(Buffer.from([1, 2, 3])));
console.log('Uint8Array:', hex(new Uint8Array([1, 2, 3])));
JS
