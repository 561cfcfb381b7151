#!/usr/bin/env bash
# jsonrpc-glib 3.42.0, with which language servers are written in Vala and C: a request without params is neither given to the
# handler nor answered. A header without a space behind the colon is not read. An ID of 2^64-1 comes back as -1. A client's error
# has neither the code nor the data of the answer, but all of it as the text of a GVariant.
# Guess: the handler sees null; both forms of the header; integers are exact or refused; a GError with the code.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install gir1.2-jsonrpc-1.0=3.42.0-1 libjsonrpc-glib-1.0-1=3.42.0-1 gir1.2-json-1.0=1.6.6-1 libjson-glib-1.0-0=1.6.6-1 \
    gir1.2-glib-2.0=1.74.0-3 libgirepository-1.0-1=1.74.0-3 libglib2.0-0=2.74.6-2+deb12u9 \
    python3-gi=3.42.2-3+b1
export GI_TYPELIB_PATH=$work/root/usr/lib/$(uname -m)-linux-gnu/girepository-1.0
export PYTHONPATH=$work/root/usr/lib/python3/dist-packages

cat >run.py <<'PY'
import json
import socket
import gi
gi.require_version("Jsonrpc", "1.0")
from gi.repository import Gio, GLib, Jsonrpc

loop = GLib.MainLoop()

def wait():
    GLib.timeout_add(200, loop.quit)
    loop.run()

def pair():
    near, far = socket.socketpair()
    return near, Gio.Socket.new_from_fd(far.detach()).connection_factory_create_connection()

def handle(server, client, method, id, params):
    client.reply_async(id, params, None, None)
    return True

def ask(header, **request):
    near, connection = pair()
    server = Jsonrpc.Server()
    server.connect("handle-call", handle)
    server.accept_io_stream(connection)
    body = json.dumps({"jsonrpc": "2.0", "method": "echo", **request})
    near.sendall(f"{header}{len(body)}\r\n\r\n{body}".encode())
    wait()
    near.setblocking(False)
    try:
        return near.recv(4096).split(b"\r\n\r\n")[1].decode()
    except BlockingIOError:
        return "no answer"

print("null params:", ask("Content-Length: ", id=1, params=None))
print("no params:", ask("Content-Length: ", id=1))
print("no space in the header:", ask("Content-Length:", id=1, params=None))
print("ID 2^64-1:", ask("Content-Length: ", id=2**64 - 1, params=None))

near, connection = pair()
client = Jsonrpc.Client.new(connection)
client.start_listening()

def report(client, result):
    try:
        client.call_finish(result)
    except GLib.Error as error:
        print(f"error: code {error.code}, {error.message}")

client.call_async("method", None, None, report)
wait()
body = '{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"out of paper","data":0}}'
near.sendall(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
wait()
PY
/usr/bin/python3 run.py 2>/dev/null | sed "s/{'code.*'data'.*/a GVariant/" | expect 'null params: {"result":null,"jsonrpc":"2.0","id":1}
no params: no answer
no space in the header: no answer
ID 2^64-1: {"result":null,"jsonrpc":"2.0","id":-1}
error: code 0, a GVariant'
