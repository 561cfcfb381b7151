#!/usr/bin/env bash
# npm @metamask/json-rpc-engine 10.5.0: an exception with a JSON-RPC code is answered without its message, an unknown method with
# the code -32603, and an exception without a code with the server's stack trace. jrpc 3.1.2 answers a batch without an array.
# Guess: the message, which is required; -32601; no trace; an array for an array.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @metamask/json-rpc-engine@10.5.0 jrpc@3.1.2

node - <<'JS' | expect '@metamask/json-rpc-engine refuse: {"code":-32001,"data":{"sheets":0}}
@metamask/json-rpc-engine fail: code -32603, "out of paper", data.cause.stack is a string
@metamask/json-rpc-engine missing: code -32603
jrpc: batch of one request and one notification: {"jsonrpc":"2.0","id":6,"result":1}'
const { JsonRpcEngine } = require('@metamask/json-rpc-engine');
const JRPC = require('jrpc');
const engine = new JsonRpcEngine();
engine.push((request, response, next) => {
  if (request.method === 'refuse') throw Object.assign(new Error('out of paper'), { code: -32001, data: { sheets: 0 } });
  if (request.method === 'fail') throw new Error('out of paper');
  next();
});
(async () => {
  const ask = async (method) => JSON.parse(JSON.stringify(await engine.handle({ jsonrpc: '2.0', method, id: 1 }))).error;
  console.log('@metamask/json-rpc-engine refuse:', JSON.stringify(await ask('refuse')));
  const { code, message, data } = await ask('fail');
  console.log(`@metamask/json-rpc-engine fail: code ${code}, "${message}", data.cause.stack is a ${typeof data.cause.stack}`);
  console.log(`@metamask/json-rpc-engine missing: code ${(await ask('missing')).code}`);
  const peer = new JRPC();
  peer.expose('one', (params, next) => next(false, 1));
  const text = await new Promise((resolve) => {
    peer.setTransmitter((text, next) => { resolve(text); next(false); });
    peer.receive('[{"jsonrpc":"2.0","method":"one","id":6},{"jsonrpc":"2.0","method":"one"}]');
  });
  console.log('jrpc: batch of one request and one notification:', text);
  process.exit();
})();
JS
