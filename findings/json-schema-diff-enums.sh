#!/usr/bin/env bash
# npm json-schema-diff 1.0.0 on enums as Rust's schemars 1 writes them: a further variant in oneOf with const counts as a removal,
# since const is not understood and a value must match one branch only; a renamed variant and a changed tuple are no change at all.
# Guess: an addition, a removal with an addition, or an error that says which keyword is not supported.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-schema-diff@1.0.0

node - <<'JS' | expect 'further variant: added false, removed true
renamed variant: added false, removed false
changed tuple: added false, removed false
changed type: added true, removed true'
const { diffSchemas } = require('json-schema-diff');
const variants = (...names) => ({ oneOf: names.map((name) => ({ type: 'string', const: name })) });
const tuple = (...types) => ({ type: 'array', prefixItems: types.map((type) => ({ type })), minItems: 2, maxItems: 2 });
const cases = {
  'further variant': [variants('Red'), variants('Red', 'Green')],
  'renamed variant': [variants('Red'), variants('Green')],
  'changed tuple': [tuple('string', 'integer'), tuple('boolean', 'integer')],
  'changed type': [{ type: 'string' }, { type: 'integer' }],
};
(async () => {
  for (const [name, [sourceSchema, destinationSchema]] of Object.entries(cases)) {
    const { additionsFound, removalsFound } = await diffSchemas({ sourceSchema, destinationSchema });
    console.log(`${name}: added ${additionsFound}, removed ${removalsFound}`);
  }
})();
JS
