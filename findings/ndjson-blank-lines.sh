#!/usr/bin/env bash
# An empty line between two records (a usual keep-alive in NDJSON streams): npm it-ndjson 2.0.0 and iterable-ndjson 1.1.0 fail with
# a JSON error and the second record is lost. ndjson-readablestream 1.4.0 and ndjson-parse 1.0.4 skip the line.
# Guess: all four skip it.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install it-ndjson@2.0.0 iterable-ndjson@1.1.0 ndjson-readablestream@1.4.0 ndjson-parse@1.0.4

cat >run.mjs <<'JS'
import { createRequire } from 'module';
import { parse } from 'it-ndjson';
import readable from 'ndjson-readablestream';
const require = createRequire(import.meta.url);
const text = '1\n\n2\n';
async function* bytes() {
  yield Buffer.from(text);
}
const show = async (name, records) => {
  const seen = [];
  try {
    for await (const record of records) seen.push(record);
    console.log(`${name}:`, JSON.stringify(seen));
  } catch (error) {
    console.log(`${name}:`, JSON.stringify(seen), 'then', error.name);
  }
};
await show('it-ndjson', parse(bytes()));
await show('iterable-ndjson', require('iterable-ndjson').parse(bytes()));
await show('ndjson-readablestream', readable(new Blob([text]).stream()));
await show('ndjson-parse', require('ndjson-parse')(text));
JS
node run.mjs | expect 'it-ndjson: [1] then SyntaxError
iterable-ndjson: [1] then SyntaxError
ndjson-readablestream: [1,2]
ndjson-parse: [1,2]'
