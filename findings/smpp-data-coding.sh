#!/usr/bin/env bash
# npm smpp 0.5.1 marks texts in GSM 03.38's alphabet as data coding 1, which is ASCII (IA5) in SMPP 3.4 (5.2.19): another end reads "grün" as
# "gr~n" and "[" as an escape and a "<". Its own reader uses the GSM alphabet for 1, too, so that its tests do not show it.
# Guess: data coding 0, the alphabet of the message centre, or Latin-1 as data coding 3.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install smpp@0.5.1

cat >run.cjs <<'JS'
const { PDU } = require('smpp');
for (const text of ['hello', 'grün', '[', '€', 'ça']) {
  const pdu = new PDU('submit_sm', { destination_addr: '1', short_message: text });
  const bytes = pdu.toBuffer();
  console.log(text, 'data coding', new PDU(bytes).data_coding, 'bytes', bytes.subarray(33).toString('hex'), JSON.stringify(bytes.subarray(33).toString('latin1')));
}
JS
node run.cjs | expect 'hello data coding 1 bytes 0568656c6c6f "\u0005hello"
grün data coding 1 bytes 0467727e6e "\u0004gr~n"
[ data coding 1 bytes 021b3c "\u0002\u001b<"
€ data coding 1 bytes 021b65 "\u0002\u001be"
ça data coding 3 bytes 02e761 "\u0002ça"'
