#!/usr/bin/env bash
# Clients of language servers and requests from the server: PyPI pylspclient 0.1.2 takes the ID 0, with which vscode-jsonrpc begins,
# for a notification and does not answer, and leaves the result out where a callback returns None, False, 0 or an empty list.
# sansio-lsp-client 0.13.0 leaves it out where it acknowledges window/workDoneProgress/create.
# Guess: ID 0 is an ID; "result": null, [] and so on, since an answer has a result or an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pylspclient==0.1.2 sansio-lsp-client==0.13.0

cat >run.py <<'PY'
import contextlib, io, json
from pylspclient.json_rpc_endpoint import JsonRpcEndpoint
from pylspclient.lsp_endpoint import LspEndpoint
from sansio_lsp_client import Client
from sansio_lsp_client.events import WorkDoneProgressCreate

def framed(**message):
    body = json.dumps({"jsonrpc": "2.0", **message})
    return f"Content-Length: {len(body)}\r\n\r\n{body}".encode()

def body(data):
    return bytes(data).split(b"\r\n\r\n", 1)[1].decode() if data else "no answer"

for id, result in [(1, [1]), (0, [1]), (1, None), (1, False), (1, [])]:
    request = io.BytesIO(framed(id=id, method="workspace/configuration", params={"items": []}))
    answer = io.BytesIO()
    endpoint = LspEndpoint(JsonRpcEndpoint(answer, request), {"workspace/configuration": lambda _: result})
    endpoint.notify_callbacks["workspace/configuration"] = lambda _: None
    with contextlib.redirect_stdout(None):
        endpoint.run()
    print(f"pylspclient, ID {id}, {result}: {body(answer.getvalue())}")

client = Client(trace="off")
client.send()
list(client.recv(framed(id=0, result={"capabilities": {}})))
client.send()
[event] = client.recv(framed(id=7, method="window/workDoneProgress/create", params={"token": "t"}))
assert isinstance(event, WorkDoneProgressCreate)
event.reply()
print(f"sansio-lsp-client: {body(client.send())}")
PY
python3 run.py | expect 'pylspclient, ID 1, [1]: {"jsonrpc": "2.0", "id": 1, "result": [1]}
pylspclient, ID 0, [1]: no answer
pylspclient, ID 1, None: {"jsonrpc": "2.0", "id": 1}
pylspclient, ID 1, False: {"jsonrpc": "2.0", "id": 1}
pylspclient, ID 1, []: {"jsonrpc": "2.0", "id": 1}
sansio-lsp-client: {"jsonrpc": "2.0", "id": 7}'
