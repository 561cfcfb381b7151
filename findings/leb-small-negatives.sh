#!/usr/bin/env bash
# npm leb 1.0.0: encodeInt64 refuses the numbers from -1 to -1024, and rounds others below zero, although all are exact in
# JavaScript. encodeInt32 writes them as they are.
# Guess: both functions write the same bytes for a number of 32 bits.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install leb@1.0.0

node - <<'JS' | expect "encodeInt32: -1 = 7f, -1024 = 8078, -1025 = ff77, -32767 = 81807e -> -32767
encodeInt64: -1 = Value out of range., -1024 = Value out of range., -1025 = 8070, -32767 = 80807e -> -32768"
const leb = require('leb');
const hex = (encode, number) => {
  try {
    return encode(number).toString('hex');
  } catch (error) {
    return error.message;
  }
};
for (const bits of [32, 64]) {
  const encode = leb[`encodeInt${bits}`];
  const bytes = [-1, -1024, -1025, -32767].map((number) => `${number} = ${hex(encode, number)}`);
  console.log(`encodeInt${bits}: ${bytes.join(', ')} -> ${leb[`decodeInt${bits}`](encode(-32767)).value}`);
}
JS
