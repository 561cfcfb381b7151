#!/usr/bin/env bash
# Whole numbers beyond 64 bits in JavaScript's MessagePack encoders: notepack.io 3.0.1, what-the-pack 2.0.3 and
# messagepack 1.1.12 wrap them modulo 2^64; @ygoe/msgpack 1.0.3 clamps them, and writes -2^63, which fits, as 2^63 - 1.
# Guess: a 64-bit float, as @msgpack/msgpack writes it, or an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install notepack.io@3.0.1 what-the-pack@2.0.3 messagepack@1.1.12 @ygoe/msgpack@1.0.3 @msgpack/msgpack@3.1.3

node - <<'JS' | expect "notepack.io      1e20 cf6bc75e2d63100000 -2^63 d38000000000000000
what-the-pack    1e20 cf6bc75e2d63100000 -2^63 d38000000000000000
messagepack      1e20 cf6bc75e2d63100000 -2^63 d38000000000000000
@ygoe/msgpack    1e20 cfffffffffffffffff -2^63 d37fffffffffffffff
@msgpack/msgpack 1e20 cb4415af1d78b58c40 -2^63 cbc3e0000000000000"
const encoders = {
  'notepack.io': require('notepack.io').encode,
  'what-the-pack': require('what-the-pack').initialize(1 << 16).encode,
  messagepack: require('messagepack').encode,
  '@ygoe/msgpack': require('@ygoe/msgpack').serialize,
  '@msgpack/msgpack': require('@msgpack/msgpack').encode,
};
for (const [name, encode] of Object.entries(encoders)) {
  const hex = (value) => Buffer.from(encode(value)).toString('hex');
  console.log(name.padEnd(16), '1e20', hex(1e20), '-2^63', hex(-(2 ** 63)));
}
JS
