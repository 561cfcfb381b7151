#!/usr/bin/env bash
# PyPI ws4py 0.6.0, client: it answers a close frame without a code with code 1005, which must not be sent, so that a server of ws
# 8.23.0 (npm) reports a protocol error; the registered codes 1012 (service restart) and 1014 are refused in the same way.
# Guess: an empty close frame is answered with an empty one, and the codes are handed to the application.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ws@8.23.0
pip_install ws4py==0.6.0

cat >server.js <<'JS'
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
server.on('connection', (socket, { url }) => {
  const answer = [];
  socket.on('error', (error) => answer.push(error.code));
  socket.on('close', (code) => console.log(`${url}: server sees ${[...answer, code].join(', ')}`));
  const code = Number(url.slice(1));
  setTimeout(() => (code ? socket.close(code) : socket.close()), 200);
});
JS
cat >run.py <<'PY'
import sys
from ws4py.client.threadedclient import WebSocketClient

class Client(WebSocketClient):
    def closed(self, code, reason=None):
        print(f"{self.resource}: client sees {code} {reason}", flush=True)

for code in ["", "3000", "1012", "1014"]:
    client = Client(f"ws://127.0.0.1:{sys.argv[1]}/{code}")
    client.connect()
    client.run_forever()
PY
node server.js >server.log &
trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
until [ -s server.log ]; do sleep 0.05; done
python3 run.py "$(head -1 server.log)" >client.log
until [ "$(wc -l <server.log)" = 5 ]; do sleep 0.05; done
{ cat client.log; sed 1d server.log; } | LC_ALL=C sort -s -t: -k1,1 | expect "/: client sees 1005 b''
/: server sees WS_ERR_INVALID_CLOSE_CODE, 1006
/1012: client sees 1005 b'Invalid Closing Frame Code: 1012'
/1012: server sees WS_ERR_INVALID_CLOSE_CODE, 1006
/1014: client sees 1005 b'Invalid Closing Frame Code: 1014'
/1014: server sees WS_ERR_INVALID_CLOSE_CODE, 1006
/3000: client sees 3000 b''
/3000: server sees 3000"
