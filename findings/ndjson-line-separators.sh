#!/usr/bin/env bash
# JSON texts may hold U+2028, U+2029 and U+0085 as they are, and most serializers write them so. Some line readers take them for
# ends of lines: PyPI httpx 0.28.1 (iter_lines) and npm byline 5.0.0 cut records of NDJSON in two, and PyPI ndjson 0.3.1 (loads)
# puts a comma into the text instead, without an error. Its reader and jsonlines 4.0.0 read them.
# Guess: a record ends at a line feed only.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install byline@5.0.0
pip_install httpx==0.28.1 ndjson==0.3.1 jsonlines==4.0.0

cat >run.py <<'PY'
import io, json
import httpx, jsonlines, ndjson

text = '{"text":"a\u2028b"}\n{"text":"c\u0085d"}\n'
readers = {
    "httpx": lambda: [json.loads(line) for line in httpx.Response(200, content=text.encode()).iter_lines()],
    "ndjson.loads": lambda: ndjson.loads(text),
    "ndjson.reader": lambda: list(ndjson.reader(io.StringIO(text))),
    "jsonlines": lambda: list(jsonlines.Reader(io.StringIO(text))),
}
for name, read in readers.items():
    try:
        print(f"{name}: {json.dumps(read())}")
    except ValueError as error:
        print(f"{name}: {str(error).split(':')[0]}")
PY
cat >run.js <<'JS'
const byline = require('byline');
const { Readable } = require('stream');
const lines = byline(Readable.from([Buffer.from('{"text":"a\u2028b"}\n{"text":"c\u0085d"}\n')]), { encoding: 'utf8' });
let count = 0;
lines.on('data', () => { count += 1; });
lines.on('end', () => console.log(`byline: ${count} lines`));
JS
{ python3 run.py && node run.js; } | expect 'httpx: Unterminated string starting at
ndjson.loads: [{"text": "a,b"}, {"text": "c,d"}]
ndjson.reader: [{"text": "a\u2028b"}, {"text": "c\u0085d"}]
jsonlines: [{"text": "a\u2028b"}, {"text": "c\u0085d"}]
byline: 4 lines'
