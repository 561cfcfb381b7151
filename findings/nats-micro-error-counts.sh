#!/usr/bin/env bash
# The statistics of NATS services: an error with which a handler answers a request is not counted, neither by nats-py 2.16.0 nor by
# npm @nats-io/services 3.0.0-25; an exception is. For one exception their last_error differs: the type with the text, or the text.
# Guess: num_errors counts the answers that carry an error, whichever way the handler gave them.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @nats-io/services@3.0.0-25 @nats-io/transport-node@3.4.0
pip_install nats-py==2.16.0
start_nats

cat >run.py <<'PY'
import asyncio, json, os, nats, nats.micro

async def refuse(request):
    await request.respond_error("409", "conflict")

async def fail(request):
    raise ValueError("bad")

async def main():
    connection = await nats.connect(os.environ["nats_url"])
    service = await nats.micro.add_service(connection, name="py", version="1.0.0")
    for handler in [refuse, fail]:
        await service.add_endpoint(name=handler.__name__, handler=handler)
        answer = await connection.request(handler.__name__, b"", timeout=20)
        code = answer.headers["Nats-Service-Error-Code"]
        statistics = json.loads((await connection.request("$SRV.STATS.py", b"", timeout=20)).data)["endpoints"][-1]
        print(f"nats-py: {code}, num_errors {statistics['num_errors']}, last_error {statistics['last_error']!r}")
    await connection.close()

asyncio.run(main())
PY
cat >run.js <<'JS'
const { Svcm } = require('@nats-io/services');
const { connect } = require('@nats-io/transport-node');
(async () => {
  const connection = await connect({ servers: process.env.nats_url });
  const service = await new Svcm(connection).add({ name: 'js', version: '1.0.0' });
  const handlers = {
    refuse: (error, message) => void message.respondError(409, 'conflict'),
    fail: () => {
      throw new Error('bad');
    },
  };
  for (const [name, handler] of Object.entries(handlers)) {
    service.addEndpoint(name, handler);
    const answer = await connection.request(name, '', { timeout: 20000 });
    const statistics = (await connection.request('$SRV.STATS.js', '', { timeout: 20000 })).json().endpoints.at(-1);
    const { num_errors, last_error = '' } = statistics;
    const code = answer.headers.get('Nats-Service-Error-Code');
    console.log(`@nats-io/services: ${code}, num_errors ${num_errors}, last_error '${last_error}'`);
  }
  await connection.close();
})();
JS
{ python3 run.py && node run.js; } | expect "nats-py: 409, num_errors 0, last_error ''
nats-py: 500, num_errors 1, last_error \"ValueError('bad')\"
@nats-io/services: 409, num_errors 0, last_error ''
@nats-io/services: 500, num_errors 1, last_error 'bad'"
