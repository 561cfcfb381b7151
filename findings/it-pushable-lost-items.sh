#!/usr/bin/env bash
# npm it-pushable 3.2.4: end(error) throws away the items that were pushed before and not yet read; of two reads at the same time
# only one gets an item, although there are two; onEmpty() resolves while an item is still in the queue.
# Guess: the items come first and then the error, each read gets one item, and onEmpty() waits for the reader.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install it-pushable@3.2.4

cat >run.mjs <<'JS'
import { pushable } from 'it-pushable';
const make = () => pushable({ objectMode: true });
const soon = () => new Promise((resolve) => setTimeout(resolve, 300, 'waits'));

const ended = make();
ended.push('first');
ended.end(new Error('lost'));
console.log('end with an error:', await ended.next().then(({ value }) => value, (error) => `error ${error.message}`));

const shared = make();
const reads = [shared.next(), shared.next()];
shared.push('first');
shared.push('second');
const values = reads.map((read) => Promise.race([read.then(({ value }) => value), soon()]));
console.log('two reads:', (await Promise.all(values)).join());

const full = make();
full.push('first');
console.log('onEmpty:', await Promise.race([full.onEmpty().then(() => 'empty'), soon()]), 'with length', full.readableLength);
JS
node run.mjs | expect 'end with an error: error lost
two reads: waits,first
onEmpty: empty with length 1'
