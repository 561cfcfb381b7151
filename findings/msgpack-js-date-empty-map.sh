#!/usr/bin/env bash
# npm what-the-pack 2.0.3 and tiny-msgpack 2.2.0 write a Date as an empty map, without an error.
# Guess: the timestamp extension (d7 ff), or text as JSON has it.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install what-the-pack@2.0.3 tiny-msgpack@2.2.0 notepack.io@3.0.1

node - <<'JS' | expect "what-the-pack 80
tiny-msgpack  80
notepack.io   d7ff1d5353006553f100"
const date = new Date(1700000000123);
const hex = (bytes) => Buffer.from(bytes).toString('hex');
console.log('what-the-pack', hex(require('what-the-pack').initialize(1 << 16).encode(date)));
console.log('tiny-msgpack ', hex(require('tiny-msgpack').encode(date)));
console.log('notepack.io  ', hex(require('notepack.io').encode(date)));
JS
