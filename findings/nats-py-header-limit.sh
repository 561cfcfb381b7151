#!/usr/bin/env bash
# nats-py 2.16.0 and nats-server 2.9.10: the client checks the payload alone against max_payload, the server payload and headers
# together. A message in between passes `publish` and `flush` without an error; then the server resets the connection.
# Guess: MaxPayloadError from `publish`.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install nats-py==2.16.0
start_nats

python3 - <<'PY' | expect "publish and flush: no error
then: disconnected, ConnectionResetError"
import asyncio, os, nats, sys

async def main():
    errors, lost = [], asyncio.Event()

    async def on_error(error):
        errors.append(type(error).__name__)

    async def on_disconnect():
        lost.set()

    connection = await nats.connect(os.environ["nats_url"], error_cb=on_error, disconnected_cb=on_disconnect)
    await connection.publish("a", b"x" * (connection.max_payload - 10), headers={"trace": "v" * 20})
    await connection.flush()
    print("publish and flush: no error")
    await asyncio.wait_for(lost.wait(), 10)
    print("then: disconnected,", errors[0])
    sys.stdout.flush()
    os._exit(0)

asyncio.run(main())
PY
