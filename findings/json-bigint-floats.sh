#!/usr/bin/env bash
# Readers of JSON that keep 64-bit integers count digits: npm json-bigint 1.0.0 with useNativeBigInt refuses a float of more than 15
# digits, such as 0.1+0.2, and with storeAsString makes a text of it, as json-bigint-string 1.0.0 and @waves/parse-json-bignumber
# 1.0.3 do. 1234567890123456 is below 2^53 and becomes a bigint or a text. json-parse-bigint 1.0.4 rounds negative integers.
# Guess: floats are numbers; integers from 2^53 on are converted, of both signs. json-with-bigint 3.5.12 does so.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-bigint@1.0.0 json-bigint-string@1.0.0 @waves/parse-json-bignumber@1.0.3 json-parse-bigint@1.0.4 \
    json-with-bigint@3.5.12

cat >run.mjs <<'JS'
import { createRequire } from 'module';
import * as strings from 'json-bigint-string';
import * as parseBigint from 'json-parse-bigint';
import { JSONParse } from 'json-with-bigint';
const require = createRequire(import.meta.url);
const jsonBigint = require('json-bigint');
const waves = require('@waves/parse-json-bignumber');
const functionOf = (module) => [module.parse, module.default?.parse, module.default?.default, module.default]
  .find((candidate) => typeof candidate === 'function');
const readers = {
  'json-bigint, bigint': jsonBigint({ useNativeBigInt: true }).parse,
  'json-bigint, string': jsonBigint({ storeAsString: true }).parse,
  'json-bigint-string': functionOf(strings),
  '@waves/parse-json-bignumber': (waves.default ?? waves)().parse,
  'json-parse-bigint': functionOf(parseBigint),
  'json-with-bigint': JSONParse,
};
for (const [name, read] of Object.entries(readers)) {
  const outcomes = ['0.30000000000000004', '1234567890123456', '-9007199254740993'].map((text) => {
    try {
      const value = read(text);
      return typeof value === 'number' && String(value) !== text ? `number ${value}` : typeof value;
    } catch (error) {
      return error.name;
    }
  });
  console.log(`${name}: float ${outcomes[0]}, 16 digits ${outcomes[1]}, -2^53-1 ${outcomes[2]}`);
}
JS
node run.mjs | expect 'json-bigint, bigint: float SyntaxError, 16 digits bigint, -2^53-1 bigint
json-bigint, string: float string, 16 digits string, -2^53-1 string
json-bigint-string: float string, 16 digits string, -2^53-1 string
@waves/parse-json-bignumber: float string, 16 digits string, -2^53-1 string
json-parse-bigint: float number, 16 digits string, -2^53-1 number -9007199254740992
json-with-bigint: float number, 16 digits number, -2^53-1 bigint'
