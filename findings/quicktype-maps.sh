#!/usr/bin/env bash
# npm quicktype-core 26.0.0, TypeScript from JSON Schema: an object with a text field and further fields that are numbers becomes an
# interface that TypeScript 5.9.3 refuses; an object whose keys must match a pattern becomes an empty interface.
# Guess: code that compiles, and an index signature for the pattern.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install quicktype-core@26.0.0 typescript@5.9.3

node - <<'JS' | expect 'export interface T { p: P; } export interface P { a: string; [property: string]: number; } -> TS2411
export interface T { p: P; } export interface P { } -> compiles'
const fs = require('fs');
const { execFileSync } = require('child_process');
const { FetchingJSONSchemaStore, InputData, JSONSchemaInput, quicktype } = require('quicktype-core');
const schemas = [
  { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: { type: 'integer' } },
  { type: 'object', patternProperties: { '^[0-9]+$': { type: 'string' } }, additionalProperties: false },
];
(async () => {
  for (const p of schemas) {
    const input = new JSONSchemaInput(new FetchingJSONSchemaStore());
    const schema = JSON.stringify({ type: 'object', properties: { p }, required: ['p'], additionalProperties: false });
    await input.addSource({ name: 'T', schema });
    const inputData = new InputData();
    inputData.addInput(input);
    const { lines } = await quicktype({ inputData, lang: 'typescript', rendererOptions: { 'just-types': 'true' } });
    fs.writeFileSync('t.ts', lines.join('\n'));
    let outcome = 'compiles';
    try {
      execFileSync('node_modules/.bin/tsc', ['--strict', '--noEmit', 't.ts'], { encoding: 'utf8' });
    } catch (error) {
      outcome = error.stdout.match(/TS\d+/)[0];
    }
    console.log(lines.join(' ').replace(/\s+/g, ' ').trim(), '->', outcome);
  }
})();
JS
