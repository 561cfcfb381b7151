#!/usr/bin/env bash
# Headers of the PROXY protocol that are valid: npm proxy-protocol-js 4.0.6 refuses "PROXY UNKNOWN", and returns the fields behind
# the addresses together with the first bytes of the connection. @balena/proxy-protocol-parser 1.0.2 reads Unix paths as IPv6
# addresses, and the end of the line as an address. PyPI proxy-protocol 0.11.3 makes fields (ALPN) of the addresses of a LOCAL header.
# Guess: an unknown address; fields and data apart; the paths; no fields.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install proxy-protocol-js@4.0.6 @balena/proxy-protocol-parser@1.0.2
pip_install proxy-protocol==0.11.3

cat >run.js <<'JS'
const { V1ProxyProtocol, V2ProxyProtocol } = require('proxy-protocol-js');
const { decode } = require('@balena/proxy-protocol-parser');
const header = (family, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a21', 'hex'), Buffer.from([family, 0, body.length]), body]);
};
const unknown = 'PROXY UNKNOWN\r\n';
try {
  console.log('proxy-protocol-js:', V1ProxyProtocol.parse(unknown));
} catch (error) {
  console.log('proxy-protocol-js:', error.message);
}
const addresses = Buffer.from('7f0000017f00000200500051', 'hex');
const authority = Buffer.concat([Buffer.from([2, 0, 3]), Buffer.from('a.b')]);
const start = Buffer.concat([header(0x11, addresses, authority), Buffer.from('hello')]);
console.log('proxy-protocol-js:', JSON.stringify(V2ProxyProtocol.parse(start).data.toString()));
console.log('@balena:', JSON.stringify(decode(Buffer.from(unknown))));
const path = (text) => Buffer.concat([Buffer.from(text)], 108);
console.log('@balena:', JSON.stringify(decode(header(0x31, path('/run/a.sock'), path('/run/b.sock')))));
JS
cat >run.py <<'PY'
from proxyprotocol.v2 import ProxyProtocolV2

header = bytes.fromhex("0d0a0d0a000d0a515549540a") + bytes.fromhex("2011000c") + bytes.fromhex("7f0000017f00000200500051")
result = ProxyProtocolV2().unpack(header)
print("proxy-protocol:", type(result).__name__, "ALPN", result.tlv.alpn.hex())
PY
{ node run.js && python3 run.py; } | expect 'proxy-protocol-js: given data isn'"'"'t suitable for V1 PROXY protocols definition
proxy-protocol-js: "\u0002\u0000\u0003a.bhello"
@balena: {"protocol":"tcp","remoteFamily":"IPv6","remoteAddress":"\r\n","localAddress":"","remotePort":null,"localPort":null}
@balena: {"protocol":"tcp","remoteFamily":"IPv6","remoteAddress":"2f72:756e:2f61:2e73:6f63:6b00::0","localAddress":"0::0","remotePort":0,"localPort":0}
proxy-protocol: ProxyResultLocal ALPN 000200500051'
