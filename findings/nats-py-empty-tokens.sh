#!/usr/bin/env bash
# nats-py 2.16.0 and nats-server 2.9.10: a subject with an empty token ("orders..new", "orders.") is published without an error and
# reaches no subscriber, not even one of ">". A subject with a space is refused by the client.
# Guess: each is refused as a bad subject.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install nats-py==2.16.0
start_nats

python3 - <<'PY' | expect "orders.new: delivered
orders..new: lost
orders.: lost
orders new: BadSubjectError"
import asyncio, os, nats

async def main():
    connection = await nats.connect(os.environ["nats_url"])
    messages = await connection.subscribe(">")
    await connection.flush()
    for subject in ["orders.new", "orders..new", "orders.", "orders new"]:
        try:
            await connection.publish(subject, b"")
            # Messages of one connection arrive in order: the marker comes behind the message.
            await connection.publish("marker", b"")
            first = await messages.next_msg(timeout=10)
            print(f"{subject}: {'lost' if first.subject == 'marker' else 'delivered'}")
            if first.subject != "marker":
                await messages.next_msg(timeout=10)
        except nats.errors.Error as error:
            print(f"{subject}: {type(error).__name__}")
    await connection.close()

asyncio.run(main())
PY
