#!/usr/bin/env bash
# python-lsp-jsonrpc 1.1.2 answers every exception of a handler as -32602 (invalid params), with the Python traceback, file names
# included, as data. A client that retries or reports by the code takes a bug of the server for one of its own.
# Guess: -32603 (internal error), without the traceback.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install python-lsp-jsonrpc==1.1.2

python3 -W ignore - <<'PY' 2>/dev/null | expect 'code -32602, message ValueError: out of paper, data traceback'
from pylsp_jsonrpc.endpoint import Endpoint

def fail(params):
    raise ValueError("out of paper")

answers = []
Endpoint({"print": fail}, answers.append).consume({"jsonrpc": "2.0", "method": "print", "id": 1})
error = answers[0]["error"]
print(f"code {error['code']}, message {error['message']}, data {', '.join(error['data'])}")
PY
