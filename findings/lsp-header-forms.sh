#!/usr/bin/env bash
# The header of a language server's message has the form of HTTP headers, whose names have no case. "content-length: " in lower case
# and "Content-Length:" without a space: Python's pygls 2.1.1 does not see such messages and reports no error; python-lsp-jsonrpc
# 1.1.2 and npm vscode-jsonrpc 10.0.0 read both.
# Guess: all three read both.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install vscode-jsonrpc@10.0.0
pip_install pygls==2.1.1 lsprotocol==2025.0.0 python-lsp-jsonrpc==1.1.2

cat >server.py <<'PY'
from pygls.lsp.server import LanguageServer

LanguageServer("server", "1").start_io()
PY
cat >run.py <<'PY'
import io, json, subprocess
from pylsp_jsonrpc.streams import JsonRpcStreamReader

body = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}'
for header in ["Content-Length: ", "content-length: ", "Content-Length:"]:
    text = f"{header}{len(body)}\r\n\r\n{body}".encode()
    run = subprocess.run(["python3", "server.py"], input=text, capture_output=True, timeout=60)
    messages = []
    JsonRpcStreamReader(io.BytesIO(text)).listen(messages.append)
    run_js = subprocess.run(["node", "run.js"], input=text, capture_output=True, timeout=60)
    print(f"{header!r} pygls: {bool(run.stdout)}, python-lsp-jsonrpc: {bool(messages)}, vscode-jsonrpc: {bool(run_js.stdout)}")
PY
cat >run.js <<'JS'
const { StreamMessageReader } = require('vscode-jsonrpc/node');
const reader = new StreamMessageReader(process.stdin);
reader.onError(() => {});
reader.listen((message) => console.log(message.method));
JS
python3 run.py | expect "'Content-Length: ' pygls: True, python-lsp-jsonrpc: True, vscode-jsonrpc: True
'content-length: ' pygls: False, python-lsp-jsonrpc: True, vscode-jsonrpc: True
'Content-Length:' pygls: False, python-lsp-jsonrpc: True, vscode-jsonrpc: True"
