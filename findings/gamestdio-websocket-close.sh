#!/usr/bin/env bash
# npm @gamestdio/websocket 0.3.2, a client that reconnects: close() while it waits for the next attempt does not stop the attempt, so
# that the connection comes back and stays. reconnecting-websocket 4.4.0 stops.
# Guess: close() is final.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @gamestdio/websocket@0.3.2 reconnecting-websocket@4.4.0 ws@8.23.0

cat >run.mjs <<'JS'
import { once } from 'events';
import { createRequire } from 'module';
import WebSocket, { WebSocketServer } from 'ws';
const require = createRequire(import.meta.url);
const moduleOf = (name) => require(name).default ?? require(name);
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
globalThis.WebSocket = WebSocket;
const clients = {
  '@gamestdio/websocket': (url) => new (moduleOf('@gamestdio/websocket'))(url, []),
  'reconnecting-websocket': (url) => new (moduleOf('reconnecting-websocket'))(url, [], { WebSocket }),
};
for (const [name, connect] of Object.entries(clients)) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const client = connect(`ws://127.0.0.1:${server.address().port}`);
  client.onerror = () => {};
  const [socket] = await once(server, 'connection');
  const lost = new Promise((resolve) => { client.onclose = resolve; });
  await pause(100);
  socket.terminate();
  await lost;
  client.close();
  await pause(6000);
  console.log(`${name}: ${server.clients.size} connections after close()`);
  server.clients.forEach((open) => open.terminate());
  server.close();
}
process.exit();
JS
node run.mjs 2>/dev/null | expect '@gamestdio/websocket: 1 connections after close()
reconnecting-websocket: 0 connections after close()'
