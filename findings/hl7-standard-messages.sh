#!/usr/bin/env bash
# npm hl7-standard 1.0.4 writes messages with CR LF between segments, where HL7 has CR, and one more separator at the end of each, so that a
# message changes when it is read and written. It refuses a message of one segment, and returns a field with its escapes.
# Guess: the same message; it is read; "Do&e".
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install hl7-standard@1.0.4

cat >run.cjs <<'JS'
const HL7 = require('hl7-standard');
const header = 'MSH|^~\\&|A|B';
const read = (text) => {
  const message = new HL7(text);
  message.transform();
  return message;
};
console.log('written:', JSON.stringify(read(`${header}\rPID|1`).build()));
const message = read(`${header}\rPID|1||5||Do\\T\\e^J`);
console.log('PID.5.1:', message.get('PID.5.1'));
try {
  console.log('one segment:', read(header).get('MSH.3'));
} catch (error) {
  console.log('one segment:', error.name);
}
JS
node run.cjs | expect 'written: "MSH|^~\\&|A|B|\r\nPID|1|"
PID.5.1: Do\T\e
one segment: Error'
