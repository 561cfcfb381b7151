#!/usr/bin/env bash
# Python pygls 2.1.1, a custom method of a language server: an object in the parameters arrives as a named tuple, so that returning
# it answers with an array; and a request without params, which JSON-RPC allows, gets no answer but a message window for the user.
# Guess: dictionaries, and params of None.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pygls==2.1.1 lsprotocol==2025.0.0

cat >server.py <<'PY'
from pygls.lsp.server import LanguageServer

server = LanguageServer("server", "1")

@server.feature("test/echo")
def echo(params):
    return params

server.start_io()
PY
python3 - <<'PY' | expect '{"id": 1, "jsonrpc": "2.0", "result": [1, [2]]}
{"method": "window/showMessage", "params": {"type": 1, "message": "Error in server: Internal Error"}}'
import json, re, subprocess

def ask(**request):
    initialize = {"id": 0, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}}
    text = ""
    for message in [initialize, request, {"method": "exit"}]:
        body = json.dumps({"jsonrpc": "2.0", **message})
        text += f"Content-Length: {len(body)}\r\n\r\n{body}"
    run = subprocess.run(["python3", "server.py"], input=text.encode(), capture_output=True, timeout=60)
    bodies = re.split(r"(?:Content-[^\r]*\r\n)+\r\n", run.stdout.decode())
    return json.loads(bodies[2])

print(json.dumps(ask(id=1, method="test/echo", params={"a": 1, "b": {"c": 2}})))
answer = ask(id=1, method="test/echo")
print(json.dumps({key: answer[key] for key in ["method", "params"]}))
PY
