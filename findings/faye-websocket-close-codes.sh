#!/usr/bin/env bash
# npm faye-websocket 0.11.4: a close code that was registered after RFC 6455, such as 1012 for a restart, is reported as 1002, a
# protocol error, with the reason of the peer. wasClean is undefined for every close.
# Guess: the code of the frame.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install faye-websocket@0.11.4 ws@8.23.0

node - <<'JS' | expect '1001: 1001 "bye", wasClean undefined
1012: 1002 "bye", wasClean undefined
4012: 4012 "bye", wasClean undefined'
const WebSocket = require('faye-websocket');
const { Server } = require('ws');
const server = new Server({ host: '127.0.0.1', port: 0 }, async () => {
  server.on('connection', (peer, request) => peer.close(Number(request.url.slice(1)), 'bye'));
  for (const code of [1001, 1012, 4012]) {
    const client = new WebSocket.Client(`ws://127.0.0.1:${server.address().port}/${code}`);
    const end = await new Promise((resolve) => (client.onclose = resolve));
    console.log(`${code}: ${end.code} ${JSON.stringify(end.reason)}, wasClean ${end.wasClean}`);
  }
  process.exit();
});
JS
