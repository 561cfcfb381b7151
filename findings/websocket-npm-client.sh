#!/usr/bin/env bash
# npm websocket 1.0.35, its W3C client: an empty text message is not delivered; a close frame without a code (which the protocol
# allows) is reported as a lost connection, 1006 with a text of its own; and each code other than 1000 is reported as unclean,
# though both close frames were exchanged. ws 8.23.0 does as browsers do.
# Guess: an empty string; code 1005 and an empty reason; wasClean after every close handshake.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install websocket@1.0.35 ws@8.23.0

node - <<'JS' | expect 'websocket: close 1006 "Connection dropped by remote peer." unclean
websocket: binary 0, close 4000 "bye" unclean
ws: close 1005 "" clean
ws: text 0, binary 0, close 4000 "bye" clean'
const WebSocket = require('ws');
const server = new WebSocket.Server({ host: '127.0.0.1', port: 0 }, async () => {
  server.on('connection', (peer, request) => {
    if (request.url === '/bare') return peer.close();
    for (const message of ['', Buffer.alloc(0)]) peer.send(message);
    peer.close(4000, 'bye');
  });
  const clients = { websocket: require('websocket').w3cwebsocket, ws: WebSocket };
  for (const [name, Client] of Object.entries(clients)) {
    for (const path of ['/bare', '/messages']) {
      const client = new Client(`ws://127.0.0.1:${server.address().port}${path}`);
      const seen = [];
      client.binaryType = 'arraybuffer';
      client.onerror = () => {};
      client.onmessage = ({ data }) => seen.push(typeof data === 'string' ? `text ${data.length}` : `binary ${data.byteLength}`);
      const end = await new Promise((resolve) => (client.onclose = resolve));
      seen.push(`close ${end.code} ${JSON.stringify(end.reason)} ${end.wasClean ? 'clean' : 'unclean'}`);
      console.log(`${name}:`, seen.join(', '));
    }
  }
  process.exit();
});
JS
