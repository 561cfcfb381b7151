#!/usr/bin/env bash
# A JSON-RPC 2.0 batch with one entry that is no request: json-rpc 1.15.0 and jsonrpcserver 5.0.9 run nothing and answer with one
# error for the whole batch, with a null id. ajsonrpc 1.2.0 answers entry by entry, as the specification shows.
# Guess: each valid entry runs and has its answer.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install json-rpc==1.15.0 jsonrpcserver==5.0.9 ajsonrpc==1.2.0

python3 -W ignore - <<'PY' | expect 'json-rpc: one error for all, ran 0
jsonrpcserver: one error for all, ran 0
ajsonrpc: 2 answers, ran 1'
import asyncio, json
from ajsonrpc.dispatcher import Dispatcher as AsyncDispatcher
from ajsonrpc.manager import AsyncJSONRPCResponseManager
from jsonrpc import Dispatcher, JSONRPCResponseManager
from jsonrpcserver import Success, dispatch

batch = '[{"jsonrpc": "2.0", "method": "count", "id": 1}, {"foo": 1}]'
runs = 0

def count():
    global runs
    runs += 1
    return runs

def show(name, answer):
    global runs
    answer = json.loads(answer)
    what = f"{len(answer)} answers" if isinstance(answer, list) else "one error for all"
    print(f"{name}: {what}, ran {runs}")
    runs = 0

show("json-rpc", JSONRPCResponseManager.handle(batch, Dispatcher({"count": count})).json)
show("jsonrpcserver", dispatch(batch, methods={"count": lambda: Success(count())}))
methods = AsyncDispatcher()
methods.add_function(count)
show("ajsonrpc", asyncio.run(AsyncJSONRPCResponseManager(dispatcher=methods).get_payload_for_payload(batch)))
PY
