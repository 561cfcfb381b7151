#!/usr/bin/env bash
# PyPI tinyrpc 1.1.7: dispatching a JSON-RPC batch with an entry that is no request fails with TypeError, so that nothing is answered. A
# client refuses an answer that has "error": null beside its result. With MessagePack-RPC a map with integers for keys is answered with a
# message that has no ID.
# Guess: the valid entry is answered; the result is taken; the map is echoed.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install tinyrpc==1.1.7 msgpack==1.1.2

cat >run.py <<'PY'
import msgpack
from tinyrpc.dispatch import RPCDispatcher
from tinyrpc.protocols.jsonrpc import JSONRPCProtocol
from tinyrpc.protocols.msgpackrpc import MSGPACKRPCProtocol

dispatcher = RPCDispatcher()

@dispatcher.public
def echo(value):
    return value

def answer(protocol, data):
    try:
        request = protocol.parse_request(data)
    except Exception as error:
        return error.error_respond().serialize()
    return dispatcher.dispatch(request).serialize()

request = '{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": [5]}'
for batch in (f"[{request}]", f"[{request}, 1]"):
    try:
        print(batch, answer(JSONRPCProtocol(), batch.encode()).decode())
    except TypeError:
        print(batch, "TypeError")
for members in ("", ', "error": null'):
    client = JSONRPCProtocol()
    identifier = client.create_request("echo", [5]).unique_id
    reply = f'{{"jsonrpc": "2.0", "id": {identifier}, "result": 5{members}}}'
    try:
        print(f"result 5{members}:", client.parse_reply(reply.encode()).result)
    except Exception as error:
        print(f"result 5{members}:", type(error).__name__)
for value in ({"a": 2}, {1: 2}):
    data = answer(MSGPACKRPCProtocol(), msgpack.packb([0, 7, "echo", [value]]))
    print(f"MessagePack-RPC {value}:", msgpack.unpackb(data, strict_map_key=False))
PY
python3 run.py 2>/dev/null | expect "[{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"echo\", \"params\": [5]}] [{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": 5}]
[{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"echo\", \"params\": [5]}, 1] TypeError
result 5: 5
result 5, \"error\": null: InvalidReplyError
MessagePack-RPC {'a': 2}: [1, 7, None, {'a': 2}]
MessagePack-RPC {1: 2}: [1, None, [-32700, 'Parse error'], None]"
