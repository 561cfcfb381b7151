#!/usr/bin/env bash
# npm json-rpc-2.0 1.8.1 answers an exception of a method with code 0 and the exception's text; jayson 5.0.0 with -32603 and no
# text. json-rpc-2.0 answers a request whose id is null, jayson takes it for a notification.
# Guess: -32603 in both, and the same reading of a null id.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-rpc-2.0@1.8.1 jayson@5.0.0

node - <<'JS' | expect 'json-rpc-2.0 exception: {"code":0,"message":"out of paper"}
json-rpc-2.0 null id: answered
jayson exception: {"code":-32603,"message":"Internal error"}
jayson null id: no answer'
const { JSONRPCServer } = require('json-rpc-2.0');
const jayson = require('jayson');
const fail = () => { throw new Error('out of paper'); };
const first = new JSONRPCServer({ errorListener() {} });
first.addMethod('fail', fail);
first.addMethod('zero', () => 0);
const second = new jayson.Server({
  fail: (params, reply) => { try { reply(null, fail()); } catch (error) { reply(error); } },
  zero: (params, reply) => reply(null, 0),
});
const systems = {
  'json-rpc-2.0': async (text) => first.receiveJSON(text),
  jayson: (text) => new Promise((resolve) => second.call(text, (error, answer) => resolve(error || answer))),
};
(async () => {
  for (const [name, ask] of Object.entries(systems)) {
    const failed = await ask('{"jsonrpc":"2.0","method":"fail","id":1}');
    console.log(name, 'exception:', JSON.stringify(failed.error));
    const answer = await ask('{"jsonrpc":"2.0","method":"zero","id":null}');
    console.log(name, 'null id:', answer ? 'answered' : 'no answer');
  }
})();
JS
