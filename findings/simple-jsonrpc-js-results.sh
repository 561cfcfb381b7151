#!/usr/bin/env bash
# npm simple-jsonrpc-js 1.2.0, a JSON-RPC 2.0 server: a method that returns nothing is answered with true; a call that lacks a named
# parameter runs with undefined; and a notification of an unknown method is answered, with an error that has no id.
# Guess: null; -32602; and silence, as the specification demands for notifications.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install simple-jsonrpc-js@1.2.0

node - <<'JS' | expect 'no result: {"jsonrpc":"2.0","id":1,"result":true}
missing parameter: {"jsonrpc":"2.0","id":1,"result":"1 and undefined"}
unknown notification: {"jsonrpc":"2.0","error":{"code":-32601}}
known notification: none'
const JsonRpc = require('simple-jsonrpc-js');
const ask = async (name, request) => {
  const server = new JsonRpc();
  let answer = 'none';
  server.toStream = (text) => {
    const { error, ...rest } = JSON.parse(text);
    answer = JSON.stringify(error ? { ...rest, error: { code: error.code } } : rest);
  };
  server.on('nothing', [], () => {});
  server.on('pair', ['a', 'b'], (a, b) => `${a} and ${b}`);
  await server.messageHandler(JSON.stringify({ jsonrpc: '2.0', ...request }));
  console.log(`${name}:`, answer);
};
(async () => {
  await ask('no result', { id: 1, method: 'nothing' });
  await ask('missing parameter', { id: 1, method: 'pair', params: { a: 1 } });
  await ask('unknown notification', { method: 'missing' });
  await ask('known notification', { method: 'nothing' });
})();
JS
