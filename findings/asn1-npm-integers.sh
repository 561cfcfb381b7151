#!/usr/bin/env bash
# npm asn1 0.2.6 writes integers with 32 bits: 2^31 comes back as -2^31, and 2^40 as 0. An arc of 2^32 in an object identifier becomes 0,
# and the identifier 2.999.1 is refused.
# Guess: the value that was written, or an error for large integers.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install asn1@0.2.6

cat >run.cjs <<'JS'
const { BerReader, BerWriter } = require('asn1');
const echo = (kind, value) => {
  const writer = new BerWriter();
  try {
    writer[`write${kind}`](value);
  } catch (error) {
    return error.message;
  }
  return new BerReader(writer.buffer)[`read${kind}`]();
};
for (const value of [2 ** 31 - 1, 2 ** 31, 2 ** 40]) console.log(`${value}:`, echo('Int', value));
for (const value of ['1.3.6.1.4.1.4294967296', '2.999.1']) console.log(`${value}:`, echo('OID', value));
JS
node run.cjs | expect '2147483647: 2147483647
2147483648: -2147483648
1099511627776: 0
1.3.6.1.4.1.4294967296: 1.3.6.1.4.1.0
2.999.1: argument is not a valid OID string'
