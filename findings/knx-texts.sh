#!/usr/bin/env bash
# npm knx 2.5.4 returns texts of DPT 16 with the zeros that fill them up to 14 bytes, and with the high bit of each byte removed, also those
# of the Latin-1 subtype 16.001, which it writes: "grün" comes back as "gr|n" and ten zeros.
# Guess: the text that was written.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install knx@2.5.4

cat >run.cjs <<'JS'
const datapoints = require('knx/src/dptlib');
for (const [type, value] of [['DPT16.000', 'abc'], ['DPT16.001', 'grün'], ['DPT16.001', '14 characters.']]) {
  const packet = {};
  datapoints.populateAPDU(value, packet, type);
  console.log(type, JSON.stringify(value), packet.data.toString('hex'), JSON.stringify(datapoints.fromBuffer(packet.data, datapoints.resolve(type))));
}
JS
node run.cjs | expect 'DPT16.000 "abc" 6162630000000000000000000000 "abc\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"
DPT16.001 "grün" 6772fc6e00000000000000000000 "gr|n\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"
DPT16.001 "14 characters." 313420636861726163746572732e "14 characters."'
