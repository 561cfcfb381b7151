#!/usr/bin/env bash
# PyPI websocket-server 0.6.4: the first fragment of a message is delivered as a whole message, and the next one is refused.
# A close frame is not answered: the connection just ends, so that the client sees an orderly close as 1006.
# Guess: fragments are joined, or refused from the first one on, and a close is answered with its code.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ws@8.23.0
pip_install websocket-server==0.6.4

cat >server.py <<'PY'
from websocket_server import WebsocketServer

server = WebsocketServer(host="127.0.0.1", port=0)
server.set_fn_message_received(lambda client, server, message: server.send_message(client, f"received {message}"))
print(server.socket.getsockname()[1], flush=True)
server.run_forever()
PY
cat >run.js <<'JS'
const { WebSocket } = require('ws');
const { once } = require('events');
const connect = async () => {
  const socket = new WebSocket(process.argv[2]);
  await once(socket, 'open');
  return socket;
};
(async () => {
  const fragments = await connect();
  fragments.send('one', { fin: false });
  fragments.send('two');
  console.log('fragments:', String((await once(fragments, 'message'))[0]));
  fragments.terminate();
  const closing = await connect();
  closing.close(1000);
  console.log('close:', (await once(closing, 'close'))[0]);
})();
JS
python3 server.py >port 2>/dev/null &
trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
until [ -s port ]; do sleep 0.05; done
node run.js "ws://127.0.0.1:$(cat port)" | expect 'fragments: received one
close: 1006'
