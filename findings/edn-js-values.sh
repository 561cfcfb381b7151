#!/usr/bin/env bash
# npm jsedn 0.4.1 does not read escapes in EDN strings: "a\nb" has a backslash and an n, and is written with two backslashes; it writes a
# UUID as a plain string, and refuses the ratio 1/2, which npm edn-data 1.2.2 reads as a symbol. edn-data rounds 9007199254740993, and
# writes NaN as the symbol NaN instead of ##NaN.
# Guess: a line feed; `#uuid` again; a BigInt or the exact digits, as for 10N.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install jsedn@0.4.1 edn-data@1.2.2

cat >run.cjs <<'JS'
const jsedn = require('jsedn');
const edn = require('edn-data');
const texts = ['"a\\nb"', '#uuid "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"', '9007199254740993', '9007199254740993N', '1/2'];
for (const text of texts) {
  try {
    const value = jsedn.parse(text);
    console.log('jsedn', text, JSON.stringify(jsedn.toJS(value)), 'written', jsedn.encode(value));
  } catch (error) {
    console.log('jsedn', text, error.message ?? error);
  }
  console.log('edn-data', text, edn.parseEDNString(text));
}
console.log('edn-data', NaN, edn.toEDNString(NaN), edn.parseEDNString(edn.toEDNString(NaN)));
JS
node run.cjs | expect 'jsedn "a\nb" "a\\nb" written "a\\nb"
edn-data "a\nb" a
b
jsedn #uuid "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" written "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
edn-data #uuid "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" { tag: '\''uuid'\'', val: '\''f81d4fae-7dec-11d0-a765-00a0c91e6bf6'\'' }
jsedn 9007199254740993 "9007199254740993" written 9007199254740993
edn-data 9007199254740993 9007199254740992
jsedn 9007199254740993N "9007199254740993N" written 9007199254740993N
edn-data 9007199254740993N 9007199254740993n
jsedn 1/2 first character may not be numeric. You provided 1
edn-data 1/2 { sym: '\''1/2'\'' }
edn-data NaN NaN { sym: '\''NaN'\'' }'
