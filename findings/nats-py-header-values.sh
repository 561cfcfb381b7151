#!/usr/bin/env bash
# nats-py 2.16.0: white space around a header's value is lost on the way, and a value that is no text fails as an AttributeError.
# Guess: values arrive as they were given; a number is refused with a TypeError or sent as text.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install nats-py==2.16.0
start_nats

python3 - <<'PY' | expect "' v ' arrives as 'v'
5 fails with AttributeError"
import asyncio, os, nats

async def main():
    connection = await nats.connect(os.environ["nats_url"])
    messages = await connection.subscribe("a")
    await connection.publish("a", b"", headers={"key": " v "})
    message = await messages.next_msg(timeout=10)
    print("' v ' arrives as", repr(message.headers["key"]))
    try:
        await connection.publish("a", b"", headers={"key": 5})
    except Exception as error:
        print("5 fails with", type(error).__name__)
    await connection.close()

asyncio.run(main())
PY
