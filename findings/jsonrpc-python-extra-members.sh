#!/usr/bin/env bash
# JSON-RPC 2.0 requests with one more member beside "params" (a place for deadlines or traces): the Python servers json-rpc
# 1.15.0, jsonrpcserver 5.0.9 and ajsonrpc 1.2.0 refuse the whole request, and answer with a null id, so that the caller cannot
# match the answer. python-lsp-jsonrpc 1.1.2 ignores the member.
# Guess: unknown members are ignored, as the specification does not forbid them.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install json-rpc==1.15.0 jsonrpcserver==5.0.9 ajsonrpc==1.2.0 python-lsp-jsonrpc==1.1.2

python3 -W ignore - <<'PY' | expect 'json-rpc: code -32600 id None
jsonrpcserver: code -32600 id None
ajsonrpc: code -32600 id None
python-lsp-jsonrpc: result 0 id 1'
import asyncio, json
from ajsonrpc.dispatcher import Dispatcher as AsyncDispatcher
from ajsonrpc.manager import AsyncJSONRPCResponseManager
from jsonrpc import Dispatcher, JSONRPCResponseManager
from jsonrpcserver import Success, dispatch
from pylsp_jsonrpc.endpoint import Endpoint

request = '{"jsonrpc": "2.0", "method": "zero", "id": 1, "trace": "x"}'

def show(name, answer):
    answer = json.loads(answer)
    what = f"code {answer['error']['code']}" if "error" in answer else f"result {answer['result']}"
    print(f"{name}: {what} id {answer['id']}")

def zero():
    return 0

show("json-rpc", JSONRPCResponseManager.handle(request, Dispatcher({"zero": zero})).json)
show("jsonrpcserver", dispatch(request, methods={"zero": lambda: Success(0)}))
methods = AsyncDispatcher()
methods.add_function(zero)
show("ajsonrpc", asyncio.run(AsyncJSONRPCResponseManager(dispatcher=methods).get_payload_for_payload(request)))
answers = []
Endpoint({"zero": lambda params: 0}, answers.append).consume(json.loads(request))
show("python-lsp-jsonrpc", json.dumps(answers[0]))
PY
