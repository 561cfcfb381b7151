"""Calls `echo` over a WebSocket with the package `websockets`, in pieces, and closes with a code of its own."""

import sys

try:
    from websockets.sync.client import connect
except ImportError:
    print("skipped: the package `websockets` is not installed")
    sys.exit()

param = bytes(range(256)) * 1000
payload = b"\0\0\0\1" + b"\4echo" + param
call = b"\xc7\0\0\2" + len(payload).to_bytes(4, "big") + payload

# Compression is offered, and must not be accepted.
with connect(sys.argv[1], subprotocols=["chirp.v0"], max_size=65536) as socket:
    assert socket.subprotocol == "chirp.v0", socket.subprotocol
    assert socket.protocol.extensions == [], socket.protocol.extensions
    assert socket.ping(b"are you there").wait(10)
    # A list is one message in fragments.
    socket.send([call[:3], call[3:5000]])
    socket.send(call[5000:])
    expected = b"\xc7\0\0\4" + (5 + len(param)).to_bytes(4, "big") + b"\0\0\0\1\0" + param
    received = b""
    while len(received) < len(expected):
        received += socket.recv(timeout=10)
    assert received == expected
    socket.close(4002, "from Python")
assert socket.protocol.close_rcvd.code == 1000, socket.protocol.close_rcvd
print("called")
