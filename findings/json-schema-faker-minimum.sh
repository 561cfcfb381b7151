#!/usr/bin/env bash
# npm json-schema-faker 0.6.3: a schema with a minimum above 1000 and no maximum, as of a port or a time stamp, gives a number below
# the minimum, for every seed. A map with patterned keys that must not be empty gets a key that does not match the pattern.
# Guess: values that are valid, as its description says.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-schema-faker@0.6.3

cat >run.mjs <<'JS'
import { generate } from 'json-schema-faker';
for (const minimum of [1000, 1024, 1700000000]) {
  let below = 0;
  for (let seed = 1; seed <= 50; seed++) {
    if (await generate({ type: 'integer', minimum }, { seed }) < minimum) below++;
  }
  console.log(`minimum ${minimum}: ${below} of 50 below`);
}
const map = { type: 'object', patternProperties: { '^[0-9]+$': { type: 'string' } }, minProperties: 1 };
const [key] = Object.keys(await generate(map));
console.log('key of a map of numbers:', /^[0-9]+$/.test(key) ? 'matches' : 'does not match');
JS
node run.mjs | expect 'minimum 1000: 0 of 50 below
minimum 1024: 50 of 50 below
minimum 1700000000: 50 of 50 below
key of a map of numbers: does not match'
