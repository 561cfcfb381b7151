#!/usr/bin/env bash
# PyPI ajsonrpc 1.2.0, JSON-RPC server: a method that returns nothing has no answer; the manager raises ValueError to its caller,
# and so a batch that holds such a call loses all its answers. A notification of the same method raises, too.
# Guess: "result": null.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install ajsonrpc==1.2.0

cat >run.py <<'PY'
import asyncio
from ajsonrpc.dispatcher import Dispatcher
from ajsonrpc.manager import AsyncJSONRPCResponseManager

dispatcher = Dispatcher()
dispatcher.add_function(lambda: None, "save")
dispatcher.add_function(lambda: 5, "five")
manager = AsyncJSONRPCResponseManager(dispatcher)
save, five = [f'{{"jsonrpc":"2.0","method":"{name}","id":{id}}}' for name, id in [("save", 1), ("five", 2)]]
notification = '{"jsonrpc":"2.0","method":"save"}'
for name, text in [("five", five), ("save", save), ("batch", f"[{five},{save}]"), ("notification", notification)]:
    try:
        answer = asyncio.run(manager.get_payload_for_payload(text))
    except ValueError as error:
        answer = f"ValueError: {error}"
    print(f"{name}: {answer}")
PY
python3 run.py | expect 'five: {"jsonrpc": "2.0", "id": 2, "result": 5}
save: ValueError: Either result or error should exist
batch: ValueError: Either result or error should exist
notification: ValueError: Either result or error should exist'
