#!/usr/bin/env bash
# npm it-ws 6.1.5: messages that a server sends at once are lost if the client awaits connected() before it reads, as its interface
# suggests. Without the wait they arrive.
# Guess: messages are kept until somebody reads.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install it-ws@6.1.5 ws@8.23.0

cat >run.mjs <<'JS'
import { once } from 'events';
import { connect } from 'it-ws/client';
import { WebSocketServer } from 'ws';
for (const wait of [true, false]) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.send('first');
    setTimeout(() => {
      socket.send('later');
      socket.close();
    }, 300);
  });
  const stream = connect(`ws://127.0.0.1:${server.address().port}`);
  if (wait) await stream.connected();
  const messages = [];
  for await (const message of stream.source) messages.push(Buffer.from(message));
  console.log(`${wait ? 'connected() first' : 'read at once'}: ${messages}`);
  server.close();
}
process.exit();
JS
node run.mjs | expect 'connected() first: later
read at once: first,later'
