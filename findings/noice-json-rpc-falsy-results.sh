#!/usr/bin/env bash
# npm noice-json-rpc 1.2.0: the server answers an empty object where a method returns 0, false, "" or null, and does not answer a
# request with ID 0. The client reports a result of 0, false, "" or null as an error event and leaves the call pending.
# Guess: results of every JSON value go through, and ID 0 is an ID.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install noice-json-rpc@1.2.0

node - <<'JS' | expect 'server, 1: {"id":1,"result":1}
server, 0: {"id":1,"result":{}}
server, false: {"id":1,"result":{}}
server, "": {"id":1,"result":{}}
server, null: {"id":1,"result":{}}
server, ID 0: no answer
client, 1: resolved to 1
client, 0: pending, Response must have result or error
client, false: pending, Response must have result or error
client, "": pending, Response must have result or error
client, null: pending, Response must have result or error'
const { Client, Server } = require('noice-json-rpc');
const { EventEmitter } = require('events');
const later = () => new Promise((resolve) => setTimeout(resolve, 50));
const values = [1, 0, false, '', null];

async function ask(value, id) {
  const [listener, socket] = [new EventEmitter(), new EventEmitter()];
  let answer = 'no answer';
  listener.clients = [socket];
  socket.send = (text) => { answer = text; };
  new Server(listener).expose('value', async () => value);
  listener.emit('connection', socket);
  socket.emit('message', JSON.stringify({ jsonrpc: '2.0', method: 'value', id }));
  await later();
  return answer;
}

async function call(result) {
  const socket = new EventEmitter();
  socket.readyState = 1;
  socket.send = (text) => setImmediate(() => {
    socket.emit('message', JSON.stringify({ jsonrpc: '2.0', result, id: JSON.parse(text).id }));
  });
  const client = new Client(socket);
  let outcome = 'pending';
  setImmediate(() => socket.emit('open'));
  client.on('error', (error) => { outcome += `, ${error.message.split(':')[0]}`; });
  client.call('value').then((resolved) => { outcome = `resolved to ${JSON.stringify(resolved)}`; });
  await later();
  return outcome;
}

(async () => {
  for (const value of values) console.log(`server, ${JSON.stringify(value)}: ${await ask(value, 1)}`);
  console.log('server, ID 0:', await ask(1, 0));
  for (const value of values) console.log(`client, ${JSON.stringify(value)}: ${await call(value)}`);
  process.exit();
})();
JS
