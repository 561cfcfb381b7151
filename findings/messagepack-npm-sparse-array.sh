#!/usr/bin/env bash
# npm messagepack 1.1.12: an array with a hole is written with a header for all its elements, but the hole is skipped.
# The message is incomplete, so a reader that follows the format waits for, or fails at, the missing element.
# Guess: the hole is written as nil (93 01 c0 03), as other encoders do.
# Seen: 93 01 03, a header for three elements followed by two.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install messagepack@1.1.12 @msgpack/msgpack@3.1.3

node - <<'JS' | expect "messagepack:      930103
@msgpack/msgpack: 9301c003"
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const sparse = [1, , 3];
console.log('messagepack:     ', hex(require('messagepack').encode(sparse)));
console.log('@msgpack/msgpack:', hex(require('@msgpack/msgpack').encode(sparse)));
JS
