#!/usr/bin/env bash
# Keys and values of NATS (nats-server 2.9.10): nats-py 2.16.0 reads an empty value as None with get() and as b'' with history().
# For a deleted key npm @nats-io/kv 3.4.0 answers an entry with an empty value, where a key that never was gives null, and nats-py
# raises KeyNotFoundError. A key with an empty token fails with "jetstream is not enabled" and NoStreamResponseError.
# Guess: the value that was put, nothing for a deleted key, and an error that names the key.
source "$(dirname "$(realpath "$0")")/lib.sh"
start_nats -js -sd "$work/store"
npm_install @nats-io/kv@3.4.0 @nats-io/transport-node@3.4.0
pip_install nats-py==2.16.0

cat >run.mjs <<'JS'
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
const connection = await connect({ servers: process.env.nats_url });
const bucket = await new Kvm(connection).create('settings');
await bucket.put('empty', '');
await bucket.put('gone', 'x');
await bucket.delete('gone');
for (const key of ['empty', 'gone', 'never']) {
  const entry = await bucket.get(key);
  console.log(`JavaScript ${key}:`, entry && `${entry.operation} ${JSON.stringify(entry.string())}`);
}
await bucket.put('a..b', 'x').catch((error) => console.log('JavaScript a..b:', error.message));
await connection.close();
JS
cat >run.py <<'PY'
import asyncio
import os
import nats

async def main():
    connection = await nats.connect(os.environ["nats_url"])
    bucket = await connection.jetstream().key_value("settings")
    print("Python empty:", (await bucket.get("empty")).value, "history:", (await bucket.history("empty"))[0].value)
    for name, call in [("gone", bucket.get("gone")), ("a..b", bucket.put("a..b", b"x"))]:
        try:
            await call
        except Exception as error:
            print(f"Python {name}:", type(error).__name__)
    await connection.close()

asyncio.run(main())
PY
{ node run.mjs && python3 run.py; } | expect "JavaScript empty: PUT \"\"
JavaScript gone: DEL \"\"
JavaScript never: null
JavaScript a..b: jetstream is not enabled
Python empty: None history: b''
Python gone: KeyNotFoundError
Python a..b: NoStreamResponseError"
