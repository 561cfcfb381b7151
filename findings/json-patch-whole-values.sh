#!/usr/bin/env bash
# JSON patches (RFC 6902) in npm: a test of immutable-json-patch 6.0.3 fails if the members of an object have another order, and
# rfc6902 5.4.0 refuses to replace the whole document. fast-json-patch 3.1.1 does both as the RFC says.
# To be expected: objects are equal in any order of their members, and the empty path is the whole document.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install immutable-json-patch@6.0.3 rfc6902@5.4.0 fast-json-patch@3.1.1

cat >run.mjs <<'JS'
import fast from 'fast-json-patch';
import { immutableJSONPatch } from 'immutable-json-patch';
import { applyPatch } from 'rfc6902';
const libraries = {
  'immutable-json-patch': (document, patch) => immutableJSONPatch(document, patch),
  rfc6902: (document, patch) => {
    const error = applyPatch(document, patch).find((outcome) => outcome !== null);
    if (error) throw error;
    return document;
  },
  'fast-json-patch': (document, patch) => fast.applyPatch(document, patch).newDocument,
};
const patches = {
  test: [{ op: 'test', path: '/a', value: { c: 2, b: 1 } }],
  replace: [{ op: 'replace', path: '', value: [] }],
};
for (const [name, apply] of Object.entries(libraries))
  for (const [operation, patch] of Object.entries(patches))
    try {
      console.log(`${name}: ${operation} ${JSON.stringify(apply({ a: { b: 1, c: 2 } }, patch))}`);
    } catch (error) {
      console.log(`${name}: ${operation} ${error.constructor.name}`);
    }
JS
node run.mjs | expect 'immutable-json-patch: test Error
immutable-json-patch: replace []
rfc6902: test {"a":{"b":1,"c":2}}
rfc6902: replace Error
fast-json-patch: test {"a":{"b":1,"c":2}}
fast-json-patch: replace []'
