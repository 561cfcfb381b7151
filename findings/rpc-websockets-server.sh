#!/usr/bin/env bash
# npm rpc-websockets 10.0.1, server: a request with ID 0 or "" is taken for a notification and never answered; a method that returns
# nothing is answered without result and error; a thrown text takes the place of the error object; an exception's message is data.
# Guess: an answer for each ID, a null result, and an error with code and message.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install rpc-websockets@10.0.1 ws@8.23.0

node - <<'JS' | expect 'ID 1: {"jsonrpc":"2.0","result":5,"id":1}
ID 0: no answer
ID "": no answer
nothing: {"jsonrpc":"2.0","id":1}
text: {"jsonrpc":"2.0","error":"out of paper","id":1}
exception: {"jsonrpc":"2.0","error":{"code":-32000,"message":"Error","data":"out of paper"},"id":1}'
const { Server } = require('rpc-websockets');
const { WebSocket } = require('ws');
const { once } = require('events');
(async () => {
  const server = new Server({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.register('five', () => 5);
  server.register('nothing', () => {});
  server.register('text', () => { throw 'out of paper'; });
  server.register('exception', () => { throw new Error('out of paper'); });
  const socket = new WebSocket(`ws://127.0.0.1:${server.wss.address().port}`);
  await once(socket, 'open');
  const requests = [['ID 1', 'five', 1], ['ID 0', 'five', 0], ['ID ""', 'five', ''],
    ['nothing', 'nothing', 1], ['text', 'text', 1], ['exception', 'exception', 1]];
  for (const [name, method, id] of requests) {
    // The server answers in order: the answer to a second request shows that the first one has none.
    const answers = [];
    const done = new Promise((resolve) => {
      socket.onmessage = ({ data }) => (JSON.parse(data).id === 'last' ? resolve() : answers.push(data));
    });
    socket.send(JSON.stringify({ jsonrpc: '2.0', method, id }));
    socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'five', id: 'last' }));
    await done;
    console.log(`${name}: ${answers[0] ?? 'no answer'}`);
  }
  process.exit();
})();
JS
