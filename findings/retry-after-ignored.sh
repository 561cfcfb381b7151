#!/usr/bin/env bash
# A server answers the first request with 503 and "Retry-After: 2". npm ofetch 1.5.1 and superagent 10.4.2 with retries send it again
# at once, POST too; npm wretch 2.11.1, make-fetch-happen 15.0.6 and PyPI aiohttp-retry 2.9.1 after a delay of their own. With
# "Retry-After: 0", retry-axios 4.0.3 gives up.
# Guess: a library of retries waits for the time that the server asks for, and sends again at once for 0.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ofetch@1.5.1 superagent@10.4.2 wretch@2.11.1 make-fetch-happen@15.0.6 retry-axios@4.0.3 axios@1.21.1 ky@1.14.3
pip_install aiohttp-retry==2.9.1 aiohttp==3.14.3

cat >client.py <<'PY'
import asyncio, sys
from aiohttp_retry import ExponentialRetry, RetryClient

async def main():
    async with RetryClient(retry_options=ExponentialRetry(attempts=2)) as client:
        async with client.post(sys.argv[1]) as response:
            assert response.status == 200

asyncio.run(main())
PY
cat >run.mjs <<'JS'
import { spawn } from 'child_process';
import { once } from 'events';
import { createServer } from 'http';
import { createRequire } from 'module';
const require = createRequire(import.meta.url);
const clients = {
  'ky 2 GET': async (url) => (await import('ky')).default.get(url, { retry: 1 }),
  'ofetch 2 POST': async (url) => (await import('ofetch')).ofetch(url, { method: 'POST', retry: 1 }),
  'superagent 2 POST': (url) => require('superagent').post(url).retry(1),
  'wretch 2 POST': async (url) => {
    const { retry } = await import('wretch/middlewares/retry');
    return (await import('wretch')).default(url).middlewares([retry({ maxAttempts: 1 })]).post().res();
  },
  'make-fetch-happen 2 GET': async (url) => {
    if (!(await require('make-fetch-happen')(url, { retry: 1 })).ok) throw new Error();
  },
  'aiohttp-retry 2 POST': async (url) => {
    if ((await once(spawn('python3', ['client.py', url]), 'exit'))[0]) throw new Error();
  },
  'retry-axios 2 GET': async (url) => {
    const axios = require('axios').create();
    (await import('retry-axios')).attach(axios);
    await axios.get(url, { raxConfig: { retry: 1 } });
  },
};
clients['retry-axios 0 GET'] = clients['retry-axios 2 GET'];
for (const [name, request] of Object.entries(clients)) {
  const times = [];
  const server = createServer((incoming, response) => {
    times.push(Date.now());
    response.statusCode = times.length === 1 ? 503 : 200;
    if (times.length === 1) response.setHeader('Retry-After', name.split(' ')[1]);
    incoming.resume();
    incoming.on('end', () => response.end('{}'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const outcome = await request(`http://127.0.0.1:${server.address().port}/`).then(() => 'succeeds', () => 'fails');
  const wait = times[1] - times[0];
  const delay = times.length < 2 ? 'no second request' : wait < 1900 ? 'second request too early' : 'second request in time';
  console.log(`${name}: ${outcome}, ${delay}`);
  server.close();
}
process.exit();
JS
node run.mjs | expect 'ky 2 GET: succeeds, second request in time
ofetch 2 POST: succeeds, second request too early
superagent 2 POST: succeeds, second request too early
wretch 2 POST: succeeds, second request too early
make-fetch-happen 2 GET: succeeds, second request too early
aiohttp-retry 2 POST: succeeds, second request too early
retry-axios 2 GET: succeeds, second request in time
retry-axios 0 GET: fails, no second request'
