#!/usr/bin/env bash
# npm backoff 2.5.0: failAfter(3) allows four waits if a retry fails inside the "ready" handler, as the README's example has it,
# since the counter advances after the handler; with backoff.call a function that fails at once is called five times.
# Guess: three waits and four calls, whenever the failure comes.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install backoff@2.5.0

node - <<'JS' | expect 'fails at once: 4 waits, 5 calls
fails later: 3 waits, 4 calls'
const backoff = require('backoff');
const options = { initialDelay: 1, maxDelay: 2 };
const waits = (again) => new Promise((resolve) => {
  const instance = backoff.fibonacci(options);
  let count = 0;
  instance.failAfter(3);
  instance.on('backoff', () => count++);
  instance.on('ready', () => again(() => instance.backoff()));
  instance.on('fail', () => resolve(count));
  instance.backoff();
});
const calls = (again) => new Promise((resolve) => {
  let count = 0;
  const call = backoff.call((done) => { count++; again(() => done(new Error('busy'))); }, () => resolve(count));
  call.setStrategy(new backoff.FibonacciStrategy(options));
  call.failAfter(3);
  call.start();
});
(async () => {
  for (const [name, again] of [['at once', (retry) => retry()], ['later', (retry) => setTimeout(retry, 1)]]) {
    console.log(`fails ${name}: ${await waits(again)} waits, ${await calls(again)} calls`);
  }
})();
JS
