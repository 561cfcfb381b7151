#!/usr/bin/env bash
# npm crc-full 1.1.0 gives most CRC-32 checksums as negative numbers: that of "123456789" is -873187034 instead of 3421780262 (cbf43926),
# and its hexadecimal text starts with a minus sign. Checksums of 16 bits are positive.
# Guess: the number that catalogues of CRCs list for this text.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install crc-full@1.1.0

cat >run.cjs <<'JS'
const { CRC } = require('crc-full');
for (const [name, listed] of [['CRC16_MODBUS', 0x4b37], ['CRC32', 0xcbf43926], ['CRC32_C', 0xe3069283], ['CRC32_MPEG2', 0x0376e6e7]]) {
  const sum = CRC.default(name).compute(Buffer.from('123456789'));
  console.log(name, 'listed', listed, 'computed', sum, sum.toString(16), sum >>> 0 === listed);
}
JS
node run.cjs | expect 'CRC16_MODBUS listed 19255 computed 19255 4b37 true
CRC32 listed 3421780262 computed -873187034 -340bc6da true
CRC32_C listed 3808858755 computed -486108541 -1cf96d7d true
CRC32_MPEG2 listed 58124007 computed 58124007 376e6e7 true'
