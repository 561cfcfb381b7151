#!/usr/bin/env bash
# nats-server 2.9.10, with nats-py 2.16.0: unsubscribe(limit=N) ends a subscription after N messages, unless N has ten digits or more:
# then the server ends it at once, without an error, and the client waits for messages for ever.
# Guess: a large limit leaves the subscription open for as many messages, or is refused.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install nats-py==2.16.0
start_nats

python3 - <<'PY' | expect "limit 999999999: first received, second received
limit 1000000000: first received, second lost
limit 9223372036854775807: first received, second lost"
import asyncio, os, nats

async def main():
    connection = await nats.connect(os.environ["nats_url"])
    for limit in [999_999_999, 1_000_000_000, 2**63 - 1]:
        messages = await connection.subscribe("orders")
        markers = await connection.subscribe("marker")
        seen = []
        for name in ["first", "second"]:
            await connection.publish("orders", name.encode())
            # Messages of one connection arrive in order: the marker comes behind the message.
            await connection.publish("marker", b"")
            await markers.next_msg(timeout=10)
            seen.append(f"{name} {'received' if messages.pending_msgs else 'lost'}")
            if messages.pending_msgs:
                await messages.next_msg()
            if name == "first":
                await messages.unsubscribe(limit=limit)
        print(f"limit {limit}: {', '.join(seen)}")
    await connection.close()

asyncio.run(main())
PY
