#!/usr/bin/env bash
# PyPI websocket-server 0.6.4: the first fragment of a message is delivered as a whole message, and the connection ends without a close
# frame at the second one, as at every binary message. A close frame is not answered, so that an orderly close ends with 1006.
# Guess: fragments are joined or refused with 1003, and a close is answered.
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
const cases = {
  texts: (socket) => { socket.send('one'); socket.send('two'); },
  fragments: (socket) => { socket.send('one', { fin: false }); socket.send('two'); },
  binary: (socket) => socket.send(Buffer.from('one')),
  close: (socket) => socket.close(1000),
};
(async () => {
  for (const [name, action] of Object.entries(cases)) {
    await new Promise((resolve) => {
      const seen = [];
      const socket = new WebSocket(process.argv[2]);
      socket.on('open', () => action(socket));
      socket.on('message', (text) => { seen.push(String(text)); if (seen.length === 2) socket.terminate(); });
      socket.on('close', (code) => { console.log(`${name}: ${(seen.length === 2 ? seen : [...seen, code]).join(', ')}`); resolve(); });
    });
  }
})();
JS
python3 server.py >port 2>/dev/null &
trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
until [ -s port ]; do sleep 0.05; done
node run.js "ws://127.0.0.1:$(cat port)" | expect 'texts: received one, received two
fragments: received one, 1006
binary: 1006
close: 1006'
