#!/usr/bin/env bash
# A method returns nothing. npm typed-rpc 6.1.2, jrpc 3.1.2, jsonrpc-dispatch 2.3.0 and @metamask/json-rpc-engine 10.5.0 answer
# with neither "result" nor "error". typed-rpc's own client refuses that, vscode-jsonrpc 10.0.0 rejects the call, and the client
# of @open-rpc/client-js 2.1.0 leaves it pending for ever.
# Guess: "result": null, since one of the two members is required; and a client that reports such an answer as an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install typed-rpc@6.1.2 jrpc@3.1.2 jsonrpc-dispatch@2.3.0 @metamask/json-rpc-engine@10.5.0 @open-rpc/client-js@2.1.0 \
    vscode-jsonrpc@10.0.0

cat >run.mjs <<'JS'
import { EventEmitter } from 'events';
import { PassThrough } from 'stream';
import { createRequire } from 'module';
import { rpcClient } from 'typed-rpc';
import { handleRpc } from 'typed-rpc/server';
import { Client, EventEmitterTransport, RequestManager } from '@open-rpc/client-js';
const require = createRequire(import.meta.url);
const request = '{"jsonrpc":"2.0","method":"nothing","params":[],"id":1}';
const servers = {
  'typed-rpc': async () => JSON.stringify(await handleRpc(JSON.parse(request), { nothing() {} })),
  jrpc: () => new Promise((resolve) => {
    const peer = new (require('jrpc'))();
    peer.expose('nothing', (params, next) => next(false));
    peer.setTransmitter((text, next) => { resolve(text); next(false); });
    peer.receive(request);
  }),
  'jsonrpc-dispatch': () => new Promise((resolve) => {
    const JSONRPC = require('jsonrpc-dispatch').default;
    new JSONRPC((message) => resolve(JSON.stringify(message)), { nothing: async () => {} }).handle(JSON.parse(request));
  }),
  '@metamask/json-rpc-engine': async () => {
    const engine = new (require('@metamask/json-rpc-engine').JsonRpcEngine)();
    engine.push((request, response, next, end) => { response.result = undefined; end(); });
    return JSON.stringify(await engine.handle(JSON.parse(request)));
  },
};
const answer = (id) => JSON.stringify({ jsonrpc: '2.0', id });
const clients = {
  'typed-rpc': () => rpcClient({ transport: async ({ id }) => JSON.parse(answer(id)) }).nothing(),
  'vscode-jsonrpc': () => {
    const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = require('vscode-jsonrpc/node');
    const [input, output] = [new PassThrough(), new PassThrough()];
    const silent = { error() {}, warn() {}, info() {}, log() {} };
    const connection = createMessageConnection(new StreamMessageReader(input), new StreamMessageWriter(output), silent);
    connection.listen();
    output.on('data', (chunk) => {
      const id = /"id":(\d+)/.exec(chunk)?.[1];
      if (id) input.write(`Content-Length: ${answer(Number(id)).length}\r\n\r\n${answer(Number(id))}`);
    });
    return connection.sendRequest('nothing');
  },
  '@open-rpc/client-js': () => {
    const emitter = new EventEmitter();
    const client = new Client(new RequestManager([new EventEmitterTransport(emitter, 'requests', 'responses')]));
    emitter.on('requests', ({ id }) => setImmediate(() => emitter.emit('responses', answer(id))));
    return client.request({ method: 'nothing', params: [] });
  },
};
for (const [name, ask] of Object.entries(servers)) console.log(`server ${name}: ${await ask()}`);
for (const [name, call] of Object.entries(clients)) {
  const outcome = call().then(() => 'resolved', (error) => error.message);
  console.log(`client ${name}:`, await Promise.race([outcome, new Promise((resolve) => setTimeout(resolve, 500, 'pending'))]));
}
process.exit();
JS
node run.mjs | expect 'server typed-rpc: {"jsonrpc":"2.0","id":1}
server jrpc: {"jsonrpc":"2.0","id":1}
server jsonrpc-dispatch: {"id":1,"jsonrpc":"2.0"}
server @metamask/json-rpc-engine: {"id":1,"jsonrpc":"2.0"}
client typed-rpc: Not a JSON-RPC 2.0 response
client vscode-jsonrpc: The received response has neither a result nor an error property.
client @open-rpc/client-js: pending'
