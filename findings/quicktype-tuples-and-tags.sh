#!/usr/bin/env bash
# npm quicktype-core 26.0.0, TypeScript from JSON Schema: the elements of a tuple all get the union of their types, and the length
# is open; the variants of a tagged union are merged into one interface, in which the fields of each are optional.
# Guess: [string, number], and a union of two interfaces.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install quicktype-core@26.0.0

node - <<'JS' | expect 'export interface T { p: [number | string, number | string, ...(number | string)[]]; }
export interface T { p: P; } export interface P { t: TEnum; x?: number; y?: string; } export type TEnum = "a" | "b";'
const { FetchingJSONSchemaStore, InputData, JSONSchemaInput, quicktype } = require('quicktype-core');
const variant = (tag, field, type) => ({
  type: 'object',
  properties: { t: { const: tag }, [field]: { type } },
  required: ['t', field],
  additionalProperties: false,
});
const schemas = [
  { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false, minItems: 2, maxItems: 2 },
  { oneOf: [variant('a', 'x', 'integer'), variant('b', 'y', 'string')] },
];
(async () => {
  for (const p of schemas) {
    const input = new JSONSchemaInput(new FetchingJSONSchemaStore());
    const schema = JSON.stringify({ type: 'object', properties: { p }, required: ['p'], additionalProperties: false });
    await input.addSource({ name: 'T', schema });
    const inputData = new InputData();
    inputData.addInput(input);
    const { lines } = await quicktype({ inputData, lang: 'typescript', rendererOptions: { 'just-types': 'true' } });
    console.log(lines.join(' ').replace(/\s+/g, ' ').trim());
  }
})();
JS
