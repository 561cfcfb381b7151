#!/usr/bin/env bash
# npm djv 2.1.4, JSON Schema: a valid value of a closed object (additionalProperties: false, as Rust's schemars writes for each
# variant of an enum) passes only at the top of the schema. As a property it is refused, and below anyOf, in an array or behind
# a reference the generated validator throws a TypeError.
# Guess: valid everywhere.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install djv@2.1.4

node - <<'JS' | expect 'top: valid
property: additionalProperties
anyOf: TypeError
items: TypeError
$ref: TypeError'
const Djv = require('djv');
const closed = { type: 'object', properties: { size: { type: 'number' } }, additionalProperties: false };
const value = { size: 1 };
const cases = {
  top: [closed, value],
  property: [{ properties: { shape: closed } }, { shape: value }],
  anyOf: [{ anyOf: [closed, { type: 'string' }] }, value],
  items: [{ items: closed }, [value]],
  $ref: [{ $ref: '#/definitions/shape', definitions: { shape: closed } }, value],
};
for (const [place, [schema, valid]] of Object.entries(cases)) {
  const djv = new Djv();
  djv.addSchema('shape', schema);
  let outcome;
  try { outcome = djv.validate('shape', valid)?.keyword ?? 'valid'; } catch (error) { outcome = error.name; }
  console.log(`${place}: ${outcome}`);
}
JS
