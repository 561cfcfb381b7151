#!/usr/bin/env bash
# npm superjson 2.2.7, the transformer that tRPC's documentation proposes, writes a Node Buffer without complaint, and then cannot read it. A sparse
# array has null where it had nothing, and an invalid date is null although its other dates stay dates.
# Guess: bytes, as a Uint8Array gives them.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install superjson@2.2.7

cat >run.mjs <<'JS'
import superjson from 'superjson';
for (const value of [new Uint8Array([1, 2]), Buffer.from([1, 2]), { at: new Date(0) }, { at: new Date(NaN) }, [, 1]]) {
  const text = superjson.stringify(value);
  try {
    console.log(text, superjson.parse(text));
  } catch (error) {
    console.log(text, error.message);
  }
}
JS
node run.mjs | expect '{"json":[1,2],"meta":{"values":[["typed-array","Uint8Array"]],"v":1}} Uint8Array(2) [ 1, 2 ]
{"json":[1,2],"meta":{"values":[["typed-array","Buffer"]],"v":1}} Trying to deserialize unknown typed array
{"json":{"at":"1970-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]},"v":1}} { at: 1970-01-01T00:00:00.000Z }
{"json":{"at":null}} { at: null }
{"json":[null,1]} [ null, 1 ]'
