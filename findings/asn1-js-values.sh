#!/usr/bin/env bash
# npm asn1.js 5.4.1 writes the number 2^40 as 0, and fails at negative numbers. A UTCTime of 1960 comes back as 2060, though X.509 gives
# the years from 50 on to the 20th century, and a GeneralizedTime loses its milliseconds. asn1js 4.0.0 writes 2^40 and -2^31
# well, but reads them as 0 in valueDec.
# Guess: the value that was written.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install asn1.js@5.4.1 asn1js@4.0.0

cat >run.cjs <<'JS'
const asn1 = require('asn1.js');
const { fromBER, Integer } = require('asn1js');
const echo = (kind, value) => {
  const type = asn1.define('Type', function () {
    this[kind]();
  });
  try {
    return type.decode(type.encode(value, 'der'), 'der');
  } catch (error) {
    return error.message;
  }
};
for (const value of [1, -1, 2 ** 40]) console.log(`asn1.js ${value}:`, String(echo('int', value)));
for (const year of [1960, 1970]) console.log(`asn1.js ${year}:`, new Date(echo('utctime', Date.UTC(year, 0, 1))).getUTCFullYear());
console.log('asn1.js 1700000000123:', echo('gentime', 1700000000123));
for (const value of [-1, -(2 ** 31), 2 ** 40]) {
  const { result } = fromBER(new Integer({ value }).toBER());
  console.log(`asn1js ${value}:`, result.valueBlock.valueDec, 'as BigInt:', result.toBigInt());
}
JS
node run.cjs | expect 'asn1.js 1: 1
asn1.js -1: non-byte EncoderBuffer value at: (shallow)
asn1.js 1099511627776: 0
asn1.js 1960: 2060
asn1.js 1970: 1970
asn1.js 1700000000123: 1700000000000
asn1js -1: -1 as BigInt: -1n
asn1js -2147483648: 0 as BigInt: -2147483648n
asn1js 1099511627776: 0 as BigInt: 1099511627776n'
