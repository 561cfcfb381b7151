#!/usr/bin/env bash
# npm mqtt-packet 9.0.2 writes nothing at all for a message whose user properties are an empty object, and raises no error. It refuses the
# payload format 0, which MQTT 5 has for bytes, writes 1.5 s as 1 s, and fails at a payload that is a Uint8Array.
# Guess: a packet without user properties; payload format 0; an error for 1.5; the bytes.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install mqtt-packet@9.0.2

cat >run.cjs <<'JS'
const { generate } = require('mqtt-packet');
const write = (fields) => {
  try {
    const packet = { cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false, ...fields };
    return JSON.stringify(generate(packet, { protocolVersion: 5 }).toString('hex'));
  } catch (error) {
    return error.message;
  }
};
console.log('one user property:', write({ properties: { userProperties: { a: '1' } } }));
console.log('no user property:', write({ properties: { userProperties: {} } }));
console.log('payload format 0:', write({ properties: { payloadFormatIndicator: 0 } }));
console.log('1.5 seconds:', write({ properties: { messageExpiryInterval: 1.5 } }));
console.log('Uint8Array:', write({ payload: new Uint8Array([120]) }));
JS
node run.cjs | expect 'one user property: "300c000161072600016100013178"
no user property: ""
payload format 0: Invalid payloadFormatIndicator: 0
1.5 seconds: "300a00016105020000000178"
Uint8Array: list[i].copy is not a function'
