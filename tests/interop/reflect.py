"""Lists the methods of a Chirp server, or calls one: `reflect.py SOCKET [METHOD ARGUMENTS]`, with arguments in JSON.

Written from sections 2, 6.6 and 6.7 of PROTOCOL.md: a plain v0 peer needs no more.
"""

import json
import socket
import struct
import sys


def call(path: str, method: str, params: str) -> bytes:
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(path)
    name = method.encode()
    payload = struct.pack(">IB", 1, len(name)) + name + params.encode()
    channel.sendall(struct.pack(">BBHI", 0xC7, 0, 2, len(payload)) + payload)
    packets = channel.makefile("rb")
    while True:
        _, _, kind, length = struct.unpack(">BBHI", packets.read(8))
        payload = packets.read(length)
        if kind == 4 and payload[:4] == b"\0\0\0\1":
            break
        if kind == 2:  # `chirp.hello`, for example: an unknown method
            channel.sendall(struct.pack(">BBHI", 0xC7, 0, 4, 5) + payload[:4] + b"\1")
    code, data = payload[4], payload[5:]
    if code == 4:
        error, size = struct.unpack(">HH", data[:4])
        sys.exit(f"error {error}: {data[4 : 4 + size].decode()} {data[4 + size :].decode(errors='replace')}".strip())
    if code:
        sys.exit(f"result code {code}")
    return data


if len(sys.argv) == 2:
    for service in json.loads(call(sys.argv[1], "chirp.reflect.describe", ""))["services"]:
        for method in service["methods"]:
            print(method["name"], *(argument["name"] + ": " + argument["type"] for argument in method.get("arguments", [])))
else:
    print(json.dumps(json.loads(call(sys.argv[1], sys.argv[2] + ";json", sys.argv[3]))))
