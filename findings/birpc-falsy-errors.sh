#!/usr/bin/env bash
# npm birpc 4.2.0 resolves a call to undefined if the function throws 0, false, an empty text or undefined, and rejects it for other values.
# Guess: every call whose function throws is rejected with what was thrown.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install birpc@4.2.0

cat >run.mjs <<'JS'
import { MessageChannel } from 'node:worker_threads';
import { createBirpc } from 'birpc';
const { port1, port2 } = new MessageChannel();
const peer = (port, functions) => createBirpc(functions, { post: (data) => port.postMessage(data), on: (handler) => port.on('message', handler) });
const values = ['text', 1, 0, false, '', undefined, null];
peer(port2, {
  fail(index) {
    throw values[index];
  },
});
const caller = peer(port1, {});
for (const [index, value] of values.entries()) {
  const outcome = await caller.fail(index).then((result) => `resolved with ${result}`, (error) => `rejected with ${error}`);
  console.log(`throws ${JSON.stringify(value)}:`, outcome);
}
port1.close();
JS
node run.mjs | expect 'throws "text": rejected with text
throws 1: rejected with 1
throws 0: resolved with undefined
throws false: resolved with undefined
throws "": resolved with undefined
throws undefined: resolved with undefined
throws null: resolved with undefined'
