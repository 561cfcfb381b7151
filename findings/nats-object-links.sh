#!/usr/bin/env bash
# Object stores of NATS (nats-server 2.9.10): nats-py 2.16.0 cannot read a link that npm @nats-io/obj 3.4.0 made; get() raises
# BadObjectMetaError without a text. The object itself is read.
# Guess: get() follows the link, as in JavaScript.
source "$(dirname "$(realpath "$0")")/lib.sh"
start_nats -js -sd "$work/store"
npm_install @nats-io/obj@3.4.0 @nats-io/transport-node@3.4.0
pip_install nats-py==2.16.0

cat >run.mjs <<'JS'
import { Objm } from '@nats-io/obj';
import { connect } from '@nats-io/transport-node';
const connection = await connect({ servers: process.env.nats_url });
const store = await new Objm(connection).create('files');
await store.putBlob({ name: 'report' }, new TextEncoder().encode('text'));
await store.link('latest', await store.info('report'));
console.log('JavaScript latest:', new TextDecoder().decode(await store.getBlob('latest')));
await connection.close();
JS
cat >run.py <<'PY'
import asyncio
import os
import nats

async def main():
    connection = await nats.connect(os.environ["nats_url"])
    store = await connection.jetstream().object_store("files")
    print("Python report:", (await store.get("report")).data)
    try:
        print("Python latest:", (await store.get("latest")).data)
    except Exception as error:
        print("Python latest:", type(error).__name__)
    await connection.close()

asyncio.run(main())
PY
{ node run.mjs && python3 run.py; } | expect "JavaScript latest: text
Python report: b'text'
Python latest: BadObjectMetaError"
