#!/usr/bin/env bash
# CBOR in JavaScript: cbor-sync 1.0.4 (npm) takes the seconds of a time (tag 1) for milliseconds, and refuses texts of indefinite
# length. It writes typed arrays as maps of numbers, and a Map as an empty map; cbor-js 0.1.0 does so with Date and BigInt, too.
# Guess: the time; the text; the entries; a date, and a number.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install cbor-sync@1.0.4 cbor-js@0.1.0

node - <<'JS' | expect "cbor-sync c11a514b67b0: 1970-01-16T18:51:36.240Z
cbor-sync 7f61616162ff: error
cbor-js 7f61616162ff: ab
cbor-sync: Map a0, Date c07818313937302d30312d30315430303a30303a30312e3530305a, 5n error, Uint8Array a2613001613102
cbor-js: Map a0, Date a0, 5n a0, Uint8Array 420102"
const cborJs = require('cbor-js');
const cborSync = require('cbor-sync');
const attempt = (call) => {
  try {
    return call();
  } catch {
    return 'error';
  }
};
const time = 'c11a514b67b0'; // 1363896240, of 2013
console.log(`cbor-sync ${time}:`, cborSync.decode(Buffer.from(time, 'hex')).toISOString());
const text = '7f61616162ff'; // "a", "b" in parts
console.log(`cbor-sync ${text}:`, attempt(() => cborSync.decode(Buffer.from(text, 'hex'))));
console.log(`cbor-js ${text}:`, attempt(() => cborJs.decode(Uint8Array.from(Buffer.from(text, 'hex')).buffer)));
const values = { Map: new Map([['a', 1]]), Date: new Date(1500), '5n': 5n, Uint8Array: Uint8Array.from([1, 2]) };
for (const [name, library] of Object.entries({ 'cbor-sync': cborSync, 'cbor-js': cborJs })) {
  const encoded = Object.entries(values).map(([kind, value]) => `${kind} ${attempt(() => Buffer.from(library.encode(value)).toString('hex'))}`);
  console.log(`${name}:`, encoded.join(', '));
}
JS
