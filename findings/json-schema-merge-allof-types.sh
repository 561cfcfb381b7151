#!/usr/bin/env bash
# npm json-schema-merge-allof 0.8.1: it refuses to merge "integer" with "number", and two tuples or two dependentRequired, also if
# both are alike but for one limit; a merge of two equal ones passes.
# Guess: an integer, and for keywords that it does not know an allOf that stays as it is.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-schema-merge-allof@0.8.1

node - <<'JS' | expect 'integer and number: refused: Could not resolve values for path:"type"
integer and integer: {"type":"integer","minimum":1}
tuples: refused: No resolver found for key prefixItems
equal tuples: {"prefixItems":[{"type":"string"}]}
dependentRequired: refused: No resolver found for key dependentRequired'
const merge = require('json-schema-merge-allof');
const tuple = (more) => ({ prefixItems: [{ type: 'string', ...more }] });
const cases = {
  'integer and number': [{ type: 'integer' }, { type: 'number', minimum: 1 }],
  'integer and integer': [{ type: 'integer' }, { type: 'integer', minimum: 1 }],
  tuples: [tuple(), tuple({ minLength: 1 })],
  'equal tuples': [tuple(), tuple()],
  dependentRequired: [{ dependentRequired: { a: ['b'] } }, { dependentRequired: { a: ['c'] } }],
};
for (const [name, allOf] of Object.entries(cases)) {
  let outcome;
  try { outcome = JSON.stringify(merge({ allOf })); } catch ({ message }) { outcome = `refused: ${message.split('. ')[0]}`; }
  console.log(`${name}: ${outcome}`);
}
JS
