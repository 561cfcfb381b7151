#!/usr/bin/env bash
# WebSockets as streams: npm websocket-stream 5.5.2, simple-websocket 9.1.0 and it-ws 6.1.5 end the stream without an error if the
# connection is lost in the middle or the server closes it with code 1011, so that a reader takes a cut stream for a whole one.
# Guess: an error unless the server closed with code 1000 or none.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install websocket-stream@5.5.2 simple-websocket@9.1.0 it-ws@6.1.5 ws@8.23.0

cat >run.mjs <<'JS'
import { once } from 'events';
import { createRequire } from 'module';
import { connect } from 'it-ws/client';
import { WebSocketServer } from 'ws';
const require = createRequire(import.meta.url);
const read = (stream) => new Promise((resolve) => {
  stream.on('data', () => {});
  stream.on('end', () => resolve('end'));
  stream.on('error', () => resolve('error'));
});
const readers = {
  'websocket-stream': (url) => read(require('websocket-stream')(url)),
  'simple-websocket': (url) => read(new (require('simple-websocket'))(url)),
  'it-ws': async (url) => {
    for await (const message of connect(url).source) if (!message) throw new Error();
    return 'end';
  },
};
const ends = {
  'close 1000': (socket) => socket.close(1000),
  'close 1011': (socket) => socket.close(1011),
  lost: (socket) => socket.terminate(),
};
for (const [name, reader] of Object.entries(readers)) {
  const outcomes = [];
  for (const [how, end] of Object.entries(ends)) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.send('first');
      setTimeout(() => end(socket), 200);
    });
    outcomes.push(`${how}: ${await reader(`ws://127.0.0.1:${server.address().port}`).catch(() => 'error')}`);
    server.close();
  }
  console.log(`${name}: ${outcomes.join(', ')}`);
}
process.exit();
JS
node run.mjs | expect 'websocket-stream: close 1000: end, close 1011: end, lost: end
simple-websocket: close 1000: end, close 1011: end, lost: end
it-ws: close 1000: end, close 1011: end, lost: end'
