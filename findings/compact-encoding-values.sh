#!/usr/bin/env bash
# npm compact-encoding 3.5.2 loses the last 32 bits of an IPv6 address that ends with an IPv4 address: ::ffff:192.0.2.1 arrives as
# another. It writes 256 as the uint8 0 and 2^32 as the uint32 0, but refuses 2^53, and 1.5 becomes 1.
# Guess: the same address; errors for numbers that do not fit.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install compact-encoding@3.5.2

cat >run.cjs <<'JS'
const encodings = require('compact-encoding');
const values = [['ipv6', '2001:db8::1'], ['ipv6', '::ffff:192.0.2.1'], ['uint8', 256], ['uint32', 2 ** 32], ['uint', 1.5], ['uint', 2 ** 53]];
for (const [name, value] of values) {
  try {
    console.log(`${name} ${value}:`, encodings.decode(encodings[name], encodings.encode(encodings[name], value)));
  } catch (error) {
    console.log(`${name} ${value}:`, error.message);
  }
}
JS
node run.cjs | expect 'ipv6 2001:db8::1: 2001:db8:0:0:0:0:0:1
ipv6 ::ffff:192.0.2.1: 0:0:0:0:0:0:ffff:2021
uint8 256: 0
uint32 4294967296: 0
uint 1.5: 1
uint 9007199254740992: uint must be between 0 and 9007199254740991, use biguint'
