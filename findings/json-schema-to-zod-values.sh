#!/usr/bin/env bash
# Validators made from JSON Schema, as agents use them for the arguments of tools: npm @composio/json-schema-to-zod 0.3.3 and
# @dmitryrechkin/json-schema-to-zod 1.0.1 refuse members that an open object does not name. The latter refuses keys that match a
# pattern and times with an offset, and accepts every value for a const. enjoi 9.0.1 refuses the values of an enum that is written
# with const.
# Guess: what a schema does not forbid is valid; zod-from-json-schema 0.5.6 agrees.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @composio/json-schema-to-zod@0.3.3 @dmitryrechkin/json-schema-to-zod@1.0.1 zod-from-json-schema@0.5.6 enjoi@9.0.1 \
    joi@17.13.3 zod@3.25.76

cat >run.mjs <<'JS'
import { createRequire } from 'module';
import * as composio from '@composio/json-schema-to-zod';
import { JSONSchemaToZod } from '@dmitryrechkin/json-schema-to-zod';
import { convertJsonSchemaToZod } from 'zod-from-json-schema';
const enjoi = createRequire(import.meta.url)('enjoi');
const object = (name) => ({ type: 'object', properties: { [name]: { type: 'integer' } }, required: [name] });
const cases = {
  'const enum': [{ oneOf: [{ const: 'Red' }, { const: 'Green' }] }, 'Red', 'Blue'],
  'allOf': [{ allOf: [object('a'), object('b')] }, { a: 1, b: 2 }, { a: 1 }],
  'open object': [object('a'), { a: 1, b: 2 }, {}],
  'key pattern': [{ type: 'object', patternProperties: { '^x': { type: 'integer' } } }, { x1: 1 }, { x1: 'a' }],
  'time': [{ type: 'string', format: 'date-time' }, '2030-01-01T00:00:00+01:00', 1],
};
const zod = (convert) => (schema) => {
  const validator = convert(schema);
  return (value) => validator.safeParse(value).success;
};
const libraries = {
  '@composio/json-schema-to-zod': zod(composio.jsonSchemaToZod ?? composio.default.jsonSchemaToZod),
  '@dmitryrechkin/json-schema-to-zod': zod((schema) => JSONSchemaToZod.convert(schema)),
  enjoi: (schema) => {
    const validator = enjoi.schema(schema);
    return (value) => !validator.validate(value, { convert: false }).error;
  },
  'zod-from-json-schema': zod(convertJsonSchemaToZod),
};
console.warn = () => {};
for (const [library, compile] of Object.entries(libraries)) {
  const wrong = [];
  for (const [name, [schema, valid, invalid]] of Object.entries(cases)) {
    const validate = compile(schema);
    if (!validate(valid)) wrong.push(`refuses ${name}`);
    if (validate(invalid)) wrong.push(`accepts wrong ${name}`);
  }
  console.log(`${library}: ${wrong.join(', ') || 'nothing wrong'}`);
}
JS
node run.mjs 2>/dev/null | expect '@composio/json-schema-to-zod: refuses open object
@dmitryrechkin/json-schema-to-zod: accepts wrong const enum, refuses open object, refuses key pattern, refuses time
enjoi: refuses const enum, accepts wrong key pattern
zod-from-json-schema: nothing wrong'
