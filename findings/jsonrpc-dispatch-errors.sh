#!/usr/bin/env bash
# npm jsonrpc-dispatch 2.3.0: the code of each error that it answers is an object, an exception's message becomes an empty object,
# the name of a missing method is the word undefined, and a request with ID 0 or "" gets no answer.
# Guess: {"code":-32603,"message":"out of paper"}, {"code":-32601,...} with the name; every ID but an absent one is answered.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install jsonrpc-dispatch@2.3.0

node - <<'JS' | expect 'fail, ID 1: {"message":{},"code":{"message":"Internal error","code":-32603}}
missing, ID 1: {"message":"The method undefined was not found.","code":{"message":"Method not found","code":-32601}}
zero, ID 1: 0
zero, ID 0: no answer
zero, ID "": no answer'
const JSONRPC = require('jsonrpc-dispatch').default;
const methods = { zero: async () => 0, fail: async () => { throw new Error('out of paper'); } };
(async () => {
  for (const [method, id] of [['fail', 1], ['missing', 1], ['zero', 1], ['zero', 0], ['zero', '']]) {
    const answer = await new Promise((resolve) => {
      new JSONRPC(resolve, methods).handle({ jsonrpc: '2.0', method, params: [], id });
      setTimeout(resolve, 100, { result: 'no answer' });
    });
    const outcome = answer.result === 'no answer' ? 'no answer' : JSON.stringify(answer.error ?? answer.result);
    console.log(`${method}, ID ${JSON.stringify(id)}: ${outcome}`);
  }
})();
JS
