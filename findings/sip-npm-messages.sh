#!/usr/bin/env bash
# npm sip 0.0.6: the length of a body is written in characters, and the body in UTF-8. A quoted name keeps its quotes, and a folded line its
# line end. Addresses with IPv6, tel: or a scheme in capitals, which RFC 3261 allows, are not parsed.
# Guess: the length in bytes; the name; one line; a parsed address.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install sip@0.0.6

cat >run.cjs <<'JS'
const sip = require('sip');
const text = sip.stringify({ method: 'MESSAGE', uri: 'sip:a.example', version: '2.0', headers: {}, content: 'caf\u00e9' });
console.log(/content-length: \d+/i.exec(text)[0].toLowerCase(), 'bytes:', Buffer.byteLength('caf\u00e9'));
const head = 'OPTIONS sip:a.example SIP/2.0\r\n';
console.log('name:', sip.parse(`${head}From: "Al, Ice" <sip:al@a.example>;tag=1\r\n\r\n`).headers.from.name);
console.log('folded:', JSON.stringify(sip.parse(`${head}Subject: a\r\n b\r\n\r\n`).headers.subject));
for (const uri of ['sip:al@192.0.2.1', 'sip:al@[2001:db8::1]', 'tel:+15550100', 'SIP:al@a.example']) {
  console.log(uri, sip.parseUri(uri)?.schema);
}
JS
node run.cjs | expect 'content-length: 4 bytes: 5
name: "Al, Ice"
folded: "a\r\n b"
sip:al@192.0.2.1 sip
sip:al@[2001:db8::1] undefined
tel:+15550100 undefined
SIP:al@a.example undefined'
