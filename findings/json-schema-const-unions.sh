#!/usr/bin/env bash
# An enum with documented variants, as Rust's schemars 1 writes it (oneOf with const): three JavaScript validators refuse every
# value of it. They do not know const, so that each text matches all variants, and oneOf allows one: npm is-my-json-valid 2.20.6
# (whose README names no draft), tv4 1.3.0 and jsen 0.6.6. None of them objects to the schema or its $schema.
# Guess: a keyword that is not known is ignored, so that a validator accepts too much, never too little.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install is-my-json-valid@2.20.6 tv4@1.3.0 jsen@0.6.6

node - <<'JS' | expect 'is-my-json-valid: Red refused, Green refused
tv4: Red refused, Green refused
jsen: Red refused, Green refused'
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  oneOf: [
    { description: 'Stop', type: 'string', const: 'Red' },
    { description: 'Go', type: 'string', const: 'Green' },
  ],
};
const tv4 = require('tv4');
const validators = {
  'is-my-json-valid': require('is-my-json-valid')(schema),
  tv4: (value) => tv4.validate(value, schema),
  jsen: require('jsen')(schema),
};
for (const [name, validate] of Object.entries(validators)) {
  console.log(`${name}: ${['Red', 'Green'].map((v) => `${v} ${validate(v) ? 'accepted' : 'refused'}`).join(', ')}`);
}
JS
