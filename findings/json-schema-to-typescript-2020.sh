#!/usr/bin/env bash
# npm json-schema-to-typescript 16.0.0 and two keywords of JSON Schema 2020-12: prefixItems, the form of tuples in Rust's schemars
# 1, is ignored, so that a tuple has elements of the type unknown, or of no type at all if further elements are forbidden;
# unevaluatedProperties: false leaves the type open. The same tuple in the form of draft 07 is typed.
# Guess: [string, number] for both forms, and a closed type.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-schema-to-typescript@16.0.0

node - <<'JS' | expect '2020-12 tuple: [unknown, unknown]
closed 2020-12 tuple: never[]
draft 07 tuple: [string, number]
closed object: { a?: string; [k: string]: unknown; }'
const { compile } = require('json-schema-to-typescript');
const elements = [{ type: 'string' }, { type: 'number' }];
const size = { type: 'array', minItems: 2, maxItems: 2 };
const schemas = {
  '2020-12 tuple': { ...size, prefixItems: elements },
  'closed 2020-12 tuple': { ...size, prefixItems: elements, items: false },
  'draft 07 tuple': { ...size, items: elements },
  'closed object': { type: 'object', properties: { a: { type: 'string' } }, unevaluatedProperties: false },
};
(async () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const code = await compile({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, 'T', { bannerComment: '' });
    console.log(`${name}:`, code.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ').replace(/^.*?T( =)? |[; ]*$/g, ''));
  }
})();
JS
