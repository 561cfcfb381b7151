#!/usr/bin/env bash
# JSON merge patches (RFC 7396): PyPI json-merge-patch 0.3.0 makes an empty patch of a change from 1 to true, or from 0 to false.
# npm json-merge-patch 1.0.2 makes undefined of two equal documents, and applying it makes undefined of the document;
# json8-merge-patch 1.0.4 makes an empty patch.
# Guess: {"a":true}; and {}, which changes nothing.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-merge-patch@1.0.2 json8-merge-patch@1.0.4
pip_install json-merge-patch==0.3.0

cat >run.js <<'JS'
const { apply, generate } = require('json-merge-patch');
const json8 = require('json8-merge-patch');
const patch = generate({ a: 1 }, { a: 1 });
console.log('json-merge-patch (npm):', patch, apply({ a: 1 }, patch));
const empty = json8.diff({ a: 1 }, { a: 1 });
console.log('json8-merge-patch:', empty, json8.apply({ a: 1 }, empty));
JS
cat >run.py <<'PY'
import json_merge_patch

for old, new in [(1, True), (0, False), (1, 2)]:
    print(f"json-merge-patch (PyPI): {old} to {new}", json_merge_patch.create_patch({"a": old}, {"a": new}))
PY
{ node run.js && python3 run.py; } | expect "json-merge-patch (npm): undefined undefined
json8-merge-patch: {} { a: 1 }
json-merge-patch (PyPI): 1 to True {}
json-merge-patch (PyPI): 0 to False {}
json-merge-patch (PyPI): 1 to 2 {'a': 2}"
