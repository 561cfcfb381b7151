#!/usr/bin/env bash
# npm @msgpack/msgpack 3.1.3: a Map with entries and an ArrayBuffer with bytes (what fetch's `arrayBuffer()` returns) are both
# written as an empty map, without an error.
# Guess: 81 01 02 for the map and c4 02 01 02 for the buffer, as msgpackr writes them.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @msgpack/msgpack@3.1.3 msgpackr@2.1.4

node - <<'JS' | expect "@msgpack/msgpack Map 80 ArrayBuffer 80
msgpackr         Map 810102 ArrayBuffer c4020102"
const map = new Map([[1, 2]]);
const { buffer } = new Uint8Array([1, 2]);
const show = (name, encode) => {
  const hex = (value) => Buffer.from(encode(value)).toString('hex');
  console.log(name, 'Map', hex(map), 'ArrayBuffer', hex(buffer));
};
show('@msgpack/msgpack', require('@msgpack/msgpack').encode);
show('msgpackr        ', require('msgpackr').pack);
JS
