#!/usr/bin/env bash
# JSON-RPC over WebSocket, the server closes the connection while a call is pending: npm rpc-websockets 10.0.1, jsonrpc2-ws
# 1.0.0-beta24 and @walletconnect/jsonrpc-ws-connection 1.0.16 leave the call pending; only a timeout ends it, and that is off by
# default except in jsonrpc2-ws. Two of them do not answer a request from the server. jsonrpc-websocket-client 0.7.2 does both.
# Guess: all reject pending calls when the connection is lost, and answer requests that they do not know with -32601.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install rpc-websockets@10.0.1 jsonrpc2-ws@1.0.0-beta24 jsonrpc-websocket-client@0.7.2 ws@7.5.10 \
    @walletconnect/jsonrpc-ws-connection@1.0.16 @walletconnect/jsonrpc-provider@1.0.14

node - <<'JS' 2>/dev/null | expect 'jsonrpc-websocket-client: rejected, answered the server: yes
rpc-websockets: pending 1 s after the close, answered the server: no
jsonrpc2-ws: pending 1 s after the close, answered the server: yes
walletconnect: pending 1 s after the close, answered the server: no'
const { Server: WebSocketServer } = require('ws');
const { once } = require('events');
const clients = {
  'jsonrpc-websocket-client': async (url) => {
    const client = new (require('jsonrpc-websocket-client').JsonRpcWebSocketClient)(url);
    await client.open();
    return () => client.call('slow', []);
  },
  'rpc-websockets': async (url) => {
    const client = new (require('rpc-websockets').Client)(url, { reconnect: false });
    await once(client, 'open');
    return () => client.call('slow', []);
  },
  'jsonrpc2-ws': async (url) => {
    const client = new (require('jsonrpc2-ws').Client)(url);
    return () => client.call('slow', []);
  },
  walletconnect: async (url) => {
    const { JsonRpcProvider } = require('@walletconnect/jsonrpc-provider');
    const provider = new JsonRpcProvider(new (require('@walletconnect/jsonrpc-ws-connection').WsConnection)(url));
    await provider.connect();
    return () => provider.request({ method: 'slow', params: [] });
  },
};
(async () => {
  for (const [name, connect] of Object.entries(clients)) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    let answered = 'no';
    let closed;
    const closing = new Promise((resolve) => { closed = resolve; });
    server.on('connection', (socket) => {
      socket.on('message', (text) => {
        const { method } = JSON.parse(text);
        if (!method) answered = 'yes';
        if (method === 'slow') {
          socket.send('{"jsonrpc":"2.0","method":"ask","params":[1],"id":7}');
          setTimeout(() => { server.close(); socket.close(1001); }, 500);
        }
      });
      socket.on('close', closed);
    });
    const call = await connect(`ws://127.0.0.1:${server.address().port}`);
    let outcome = 'pending 1 s after the close';
    call().catch(() => { outcome = 'rejected'; });
    await closing;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    console.log(`${name}: ${outcome}, answered the server: ${answered}`);
  }
  process.exit();
})();
JS
