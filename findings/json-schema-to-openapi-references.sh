#!/usr/bin/env bash
# npm @openapi-contrib/json-schema-to-openapi-schema 4.3.4: it renames $defs to x-$defs and leaves the references to #/$defs, so
# that they lead nowhere. With dereference: true, one place that allows null makes every use of the same definition nullable.
# Guess: references that can be followed, and only the place that allows null is nullable.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @openapi-contrib/json-schema-to-openapi-schema@4.3.4

node - <<'JS' | expect 'as it is: owner {"$ref":"#/$defs/Name"}, keys type,properties,x-$defs
dereferenced: owner {"type":"string","nullable":true}, keys type,properties,x-$defs'
const { convert } = require('@openapi-contrib/json-schema-to-openapi-schema');
const reference = { $ref: '#/$defs/Name' };
const schema = JSON.stringify({
  type: 'object',
  properties: { owner: reference, heir: { anyOf: [reference, { type: 'null' }] } },
  $defs: { Name: { type: 'string' } },
});
(async () => {
  for (const [name, dereference] of [['as it is', false], ['dereferenced', true]]) {
    const converted = await convert(JSON.parse(schema), { dereference });
    console.log(`${name}: owner ${JSON.stringify(converted.properties.owner)}, keys ${Object.keys(converted)}`);
  }
})();
JS
