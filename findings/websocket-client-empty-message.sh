#!/usr/bin/env bash
# Python websocket-client 1.9.2: recv() returns an empty string when the peer closes the connection, exactly as for an empty text
# message, and raises only the next time. The close code is lost. Of websockets 17.4, recv() raises at once, with the code.
# Guess: WebSocketConnectionClosedException at once.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install websocket-client==1.9.2 websockets==17.4

python3 - <<'PY' | expect "websocket-client: '', '', WebSocketConnectionClosedException
websockets: '', ConnectionClosedError 4000"
import asyncio, websocket, websockets

def blocking(url):
    client, seen = websocket.create_connection(url, timeout=20), []
    try:
        while True:
            seen.append(repr(client.recv()))
    except websocket.WebSocketException as error:
        return seen + [type(error).__name__]

async def asynchronous(url):
    seen = []
    async with websockets.connect(url) as client:
        try:
            while True:
                seen.append(repr(await client.recv()))
        except websockets.ConnectionClosed as error:
            return seen + [f"{type(error).__name__} {error.rcvd.code}"]

async def handler(connection):
    await connection.send("")
    await connection.close(4000)

async def main():
    async with websockets.serve(handler, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        print("websocket-client:", ", ".join(await asyncio.to_thread(blocking, url)))
        print("websockets:", ", ".join(await asynchronous(url)))

asyncio.run(main())
PY
