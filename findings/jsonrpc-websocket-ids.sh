#!/usr/bin/env bash
# The first request of JSON-RPC clients over WebSocket: npm jsonrpc-websocket-client 0.7.2 counts its IDs up from the smallest safe
# integer, -9007199254740991; @walletconnect/jsonrpc-provider 1.0.14 sends a text of 19 digits; jsonrpc2-ws 1.0.0-beta24 begins with
# 0, which the server of rpc-websockets 10.0.1 takes for a notification, so that the first call of every connection is lost.
# Guess: small positive numbers, and an answer whatever the ID is.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install jsonrpc-websocket-client@0.7.2 jsonrpc2-ws@1.0.0-beta24 rpc-websockets@10.0.1 ws@7.5.10 \
    @walletconnect/jsonrpc-ws-connection@1.0.16 @walletconnect/jsonrpc-provider@1.0.14

node - <<'JS' 2>/dev/null | expect 'jsonrpc-websocket-client: {"id":-9007199254740991,"jsonrpc":"2.0","method":"five","params":[]}
walletconnect: {"id":"0000000000000000000","jsonrpc":"2.0","method":"five","params":[]}
jsonrpc2-ws: {"jsonrpc":"2.0","method":"five","params":[],"id":0}
jsonrpc2-ws calls rpc-websockets: second call answered first, 5'
const { Server: WebSocketServer } = require('ws');
const { Server } = require('rpc-websockets');
const { Client } = require('jsonrpc2-ws');
const { once } = require('events');
const first = {
  'jsonrpc-websocket-client': async (url) => {
    const client = new (require('jsonrpc-websocket-client').JsonRpcWebSocketClient)(url);
    await client.open();
    client.call('five', []).catch(() => {});
  },
  walletconnect: async (url) => {
    const { JsonRpcProvider } = require('@walletconnect/jsonrpc-provider');
    const provider = new JsonRpcProvider(new (require('@walletconnect/jsonrpc-ws-connection').WsConnection)(url));
    await provider.connect();
    provider.request({ method: 'five', params: [] }).catch(() => {});
  },
  'jsonrpc2-ws': async (url) => { new Client(url).call('five', []).catch(() => {}); },
};
(async () => {
  for (const [name, call] of Object.entries(first)) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const message = once(server, 'connection').then(([socket]) => once(socket, 'message'));
    await call(`ws://127.0.0.1:${server.address().port}`);
    const [text] = await message;
    console.log(`${name}: ${text.toString().replace(/"\d{19}"/, '"0000000000000000000"')}`);
  }
  const server = new Server({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.register('five', () => 5);
  const client = new Client(`ws://127.0.0.1:${server.wss.address().port}`);
  const calls = ['first', 'second'].map((name) => client.call('five', []).then((value) => `${name} call answered first, ${value}`));
  console.log('jsonrpc2-ws calls rpc-websockets:', await Promise.race(calls));
  process.exit();
})();
JS
