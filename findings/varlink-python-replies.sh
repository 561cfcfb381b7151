#!/usr/bin/env bash
# PyPI varlink 31.0.0: the server answers the errors of one-way calls, so that the next call of the connection gets the wrong answer. It
# sends several replies to a call that did not ask for more than one, and rounds 1.5 where an integer is declared.
# Guess: no answer, as the specification of Varlink says; one reply or an error; an invalid parameter.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install varlink==31.0.0

cat >org.example.shop.varlink <<'IDL'
interface org.example.shop
method Buy(id: int) -> (id: int)
method Count() -> (number: int)
error SoldOut ()
IDL
cat >run.py <<'PY'
import json
import os
import socket
import threading
import varlink

service = varlink.Service(vendor="v", product="p", version="1", url="u", interface_dir=".")

@service.interface("org.example.shop")
class Shop:
    def Buy(self, id):
        if id == 0:
            raise varlink.VarlinkError({"error": "org.example.shop.SoldOut", "parameters": {}})
        return {"id": id}

    def Count(self, _more=False):
        yield {"number": 1, "_continues": True}
        yield {"number": 2}

class Handler(varlink.RequestHandler):
    pass

Handler.service = service
path = os.path.realpath("socket")
server = varlink.ThreadingServer(f"unix:{path}", Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

def ask(*calls):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        for call in calls:
            call["method"] = f"org.example.shop.{call['method']}"
            connection.sendall(json.dumps(call).encode() + b"\0")
        connection.shutdown(socket.SHUT_WR)
        replies = connection.makefile("rb").read().split(b"\0")[:-1]
    print(*(reply.decode() for reply in replies), sep="\n")

print("one-way call that fails, and a call:")
ask({"method": "Buy", "oneway": True, "parameters": {"id": 0}}, {"method": "Buy", "parameters": {"id": 7}})
print("call without more:")
ask({"method": "Count"})
print("call with 1.5:")
ask({"method": "Buy", "parameters": {"id": 1.5}})
PY
python3 run.py | expect 'one-way call that fails, and a call:
{"error": "org.example.shop.SoldOut", "parameters": {}}
{"parameters": {"id": 7}}
call without more:
{"continues": true, "parameters": {"number": 1}}
{"parameters": {"number": 2}}
call with 1.5:
{"parameters": {"id": 2}}'
