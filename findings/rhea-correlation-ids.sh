#!/usr/bin/env bash
# npm rhea 3.0.5 (AMQP 1.0) writes a Buffer in correlation_id as a UUID: a shorter one gets zero bytes at its end, and a longer one is cut. In
# the body NaN is written as null, and a BigInt as an empty map.
# Guess: binary data, which AMQP 1.0 allows there; NaN; a long or an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install rhea@3.0.5

cat >run.cjs <<'JS'
const { message } = require('rhea');
const echo = (fields) => message.decode(message.encode(fields));
for (const length of [1, 16, 20]) {
  const id = echo({ correlation_id: Buffer.alloc(length, 7) }).correlation_id;
  console.log(`${length} bytes arrive as`, Buffer.isBuffer(id) ? id.toString('hex') : typeof id);
}
for (const body of [NaN, 5n, 1.5]) console.log(body, 'arrives as', echo({ body }).body);
JS
node run.cjs | expect '1 bytes arrive as 07000000000000000000000000000000
16 bytes arrive as 07070707070707070707070707070707
20 bytes arrive as 07070707070707070707070707070707
NaN arrives as null
5n arrives as {}
1.5 arrives as 1.5'
