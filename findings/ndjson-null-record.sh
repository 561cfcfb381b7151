#!/usr/bin/env bash
# npm ndjson 2.0.0 and jsonlines 0.1.1: a record that is JSON null ends the stream with the error "stream.push() after EOF", and the
# records after it are lost: the parsed null is pushed into an object stream, where null means the end. can-ndjson-stream 1.0.2
# delivers all three records.
# Guess: null is a record like any other.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ndjson@2.0.0 jsonlines@0.1.1 can-ndjson-stream@1.0.2

node - <<'JS' | expect 'ndjson: [1] then error: stream.push() after EOF
jsonlines: [1] then error: stream.push() after EOF
can-ndjson-stream: [1,null,2]'
const text = '1\nnull\n2\n';
const run = async (name, parser) => {
  const records = [];
  parser.on('data', (record) => records.push(record));
  const outcome = new Promise((resolve) => {
    parser.on('end', () => resolve(''));
    parser.on('error', (error) => resolve(` then error: ${error.message}`));
  });
  parser.end(text);
  const end = await outcome;
  console.log(`${name}:`, JSON.stringify(records) + end);
};
(async () => {
  await run('ndjson', require('ndjson').parse());
  await run('jsonlines', require('jsonlines').parse());
  const reader = require('can-ndjson-stream')(new Blob([text]).stream()).getReader();
  const records = [];
  for (let step = await reader.read(); !step.done; step = await reader.read()) records.push(step.value);
  console.log('can-ndjson-stream:', JSON.stringify(records));
})();
JS
