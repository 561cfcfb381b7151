#!/usr/bin/env bash
# PyPI ws4py 0.6.0, client: of the messages that arrive together with the server's handshake response it delivers the first and
# loses the others, without an error; a fragmented message is lost as a whole. Sent later, the same bytes are all delivered.
# Guess: what follows the response is read as frames, as a server may send as soon as it has accepted.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install ws4py==0.6.0

cat >run.py <<'PY'
import base64
import hashlib
import socket
import threading
from ws4py.client.threadedclient import WebSocketClient

def frame(opcode, text, final=True):
    return bytes([final << 7 | opcode, len(text)]) + text

def serve(listener, frames, together, opened):
    connection, _ = listener.accept()
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += connection.recv(4096)
    fields = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
    key = fields[b"Sec-WebSocket-Key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key).digest())
    response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    response += accept + b"\r\n\r\n"
    connection.sendall(response + frames if together else response)
    opened.wait()
    connection.sendall((b"" if together else frames) + frame(8, (1000).to_bytes(2, "big")))
    connection.recv(4096)
    connection.close()

class Client(WebSocketClient):
    def received_message(self, message):
        received.append(message.data.decode())

cases = {"three messages": frame(1, b"a") + frame(1, b"b") + frame(1, b"c"),
         "two fragments": frame(1, b"a", False) + frame(0, b"b")}
for name, frames in cases.items():
    for together in [True, False]:
        received, opened = [], threading.Event()
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener, frames, together, opened)).start()
        client = Client(f"ws://127.0.0.1:{listener.getsockname()[1]}")
        client.connect()
        opened.set()
        client.run_forever()
        print(f"{name}, {'with the response' if together else 'later'}: {received}")
PY
python3 run.py | expect "three messages, with the response: ['a']
three messages, later: ['a', 'b', 'c']
two fragments, with the response: []
two fragments, later: ['ab']"
