#!/usr/bin/env bash
# XML-RPC in JavaScript: npm xmlrpc 1.3.2 and @foxglove/xmlrpc 1.3.0 write 1e300 as the int 1e+300, which they read as 1. They read the i8
# of other libraries as text, and write a BigInt and undefined as empty text. A Uint8Array becomes a struct, and dates lose their
# milliseconds in the first.
# Guess: a double; the number; an error for what XML-RPC has not; base64.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install xmlrpc@1.3.2 @foxglove/xmlrpc@1.3.0

cat >run.cjs <<'JS'
const { once } = require('node:events');
const { promisify } = require('node:util');
const { Deserializer, serializeMethodResponse } = require('@foxglove/xmlrpc');
const xmlrpc = require('xmlrpc');
(async () => {
  const server = xmlrpc.createServer({ host: '127.0.0.1', port: 0 });
  server.on('echo', (error, [value], reply) => reply(null, value));
  await once(server.httpServer, 'listening');
  const { port } = server.httpServer.address();
  const client = xmlrpc.createClient({ host: '127.0.0.1', port });
  const call = promisify((value, done) => client.methodCall('echo', [value], done));
  const read = (text) => new Deserializer().deserializeMethodResponse(text);
  for (const value of [1.5, 1e300, 5n, new Uint8Array([7]), undefined, new Date(1700000000123)]) {
    const answers = [await call(value), await read(serializeMethodResponse(value))];
    console.log(String(value?.getTime?.() ?? value), answers.map((answer) => JSON.stringify(answer?.getTime?.() ?? answer)).join(' and '));
  }
  const i8 = '<param><value><i8>5</i8></value></param>';
  console.log('i8', typeof (await read(`<methodResponse><params>${i8}</params></methodResponse>`)));
  server.httpServer.closeAllConnections();
  server.httpServer.close();
})();
JS
node run.cjs | expect '1.5 1.5 and 1.5
1e+300 1 and 1
5 "" and ""
7 {"0":7} and {"0":7}
undefined "" and ""
1700000000123 1700000000000 and 1700000000123
i8 string'
