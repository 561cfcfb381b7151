#!/usr/bin/env bash
# npm schema2typebox 1.7.8, TypeBox code from JSON Schema: integers become numbers, so that the generated validator lets a fraction
# pass; a property of any type (true) stays true, which TypeScript 5.9.3 refuses; a map with patterned keys becomes unknown.
# Guess: Type.Integer, Type.Any, and a record of texts.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install schema2typebox@1.7.8 @sinclair/typebox@0.34.49 typescript@5.9.3

cat >run.mjs <<'JS'
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { schema2typebox } from 'schema2typebox';
const properties = {
  id: { type: 'integer', format: 'uint64', minimum: 0 },
  extra: true,
  names: { type: 'object', patternProperties: { '^[0-9]+$': { type: 'string' } }, additionalProperties: false },
};
for (const [name, property] of Object.entries(properties)) {
  const input = JSON.stringify({ title: 'Job', type: 'object', properties: { [name]: property }, required: [name] });
  const code = await schema2typebox({ input });
  fs.writeFileSync('job.ts', code);
  let outcome = 'compiles';
  try {
    execFileSync('node_modules/.bin/tsc', ['--strict', '--skipLibCheck', '--noEmit', 'job.ts'], { encoding: 'utf8' });
  } catch (error) {
    outcome = error.stdout.match(/TS\d+/)[0];
  }
  console.log(code.match(new RegExp(`\\b${name}: (true|Type\\.\\w+)`))[0], '->', outcome);
}
JS
node run.mjs | expect 'id: Type.Number -> compiles
extra: true -> TS2322
names: Type.Unknown -> compiles'
