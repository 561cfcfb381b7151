#!/usr/bin/env bash
# npm worker-rpc 0.2.0 does not answer a call whose handler throws: the exception leaves dispatch(), and the caller waits for its timeout.
# A rejected promise is answered.
# Guess: both are answered with the error.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install worker-rpc@0.2.0

cat >run.cjs <<'JS'
const { RpcProvider } = require('worker-rpc');
let thrown = 'nothing';
const deliver = (provider) => (message) => setImmediate(() => {
  try {
    provider().dispatch(message);
  } catch (error) {
    thrown = error.message;
  }
});
const server = new RpcProvider(deliver(() => client));
const client = new RpcProvider(deliver(() => server), 500);
server.registerRpcHandler('throw', () => {
  throw new Error('thrown');
});
server.registerRpcHandler('reject', () => Promise.reject('rejected'));
(async () => {
  for (const method of ['reject', 'throw']) {
    thrown = 'nothing';
    const answer = await client.rpc(method).catch((error) => error?.message ?? error);
    console.log(`${method}: the caller sees "${answer}", and dispatch() throws "${thrown}"`);
  }
})();
JS
node run.cjs | expect 'reject: the caller sees "rejected", and dispatch() throws "nothing"
throw: the caller sees "transaction timed out", and dispatch() throws "thrown"'
