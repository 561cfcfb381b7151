#!/usr/bin/env bash
# npm json-stream 1.0.0 reads JSON by lines: it drops records that are null, 0, false or an empty text, without an error.
# Guess: every record arrives; null, which ends a stream of objects in Node.js, is an error or wrapped.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-stream@1.0.0

node - <<'JS' | expect '1 becomes 1
0 becomes nothing
false becomes nothing
"" becomes nothing
null becomes nothing
[0] becomes [0]'
const JSONStream = require('json-stream');
(async () => {
  for (const text of ['1', '0', 'false', '""', 'null', '[0]']) {
    const stream = JSONStream();
    stream.end(`${text}\n`);
    const records = [];
    for await (const record of stream) records.push(JSON.stringify(record));
    console.log(`${text} becomes ${records.join() || 'nothing'}`);
  }
})();
JS
