#!/usr/bin/env bash
# npm abortable-iterator 5.1.0: leaving the loop over abortableSource(source, signal) with break does not end the source; its
# finally block does not run. An abort ends it, but the reason of the signal is replaced by a fixed text.
# Guess: the wrapper hands return() on to the source, as a generator with yield* does, and rejects with signal.reason.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install abortable-iterator@5.1.0

cat >run.mjs <<'JS'
import { abortableSource } from 'abortable-iterator';
async function* numbers(name) {
  try {
    yield 1;
    yield 2;
  } finally {
    console.log(`${name}: source closed`);
  }
}
const { signal } = new AbortController();
for await (const _ of numbers('plain break')) break;
for await (const _ of abortableSource(numbers('break'), signal)) break;
console.log('break: left the loop');
const controller = new AbortController();
try {
  for await (const _ of abortableSource(numbers('abort'), controller.signal)) controller.abort(new Error('user left'));
} catch (error) {
  console.log('abort:', error.message);
}
JS
node run.mjs | expect 'plain break: source closed
break: left the loop
abort: source closed
abort: The operation was aborted'
