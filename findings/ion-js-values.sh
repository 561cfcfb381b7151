#!/usr/bin/env bash
# npm ion-js 5.2.1: null and false are read as objects, so that both are true in a condition. As JSON an integer of Ion is rounded, and
# a decimal loses its digits. A Map is written as an empty struct. The rest of a text with several values is ignored.
# Guess: null and false; the digits; the entries of the map; an error for a second value.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ion-js@5.2.1 jsbi@3.1.1

cat >run.cjs <<'JS'
const ion = require('ion-js');
console.log('null:', ion.load('null') === null, 'in a condition:', Boolean(ion.load('null')));
console.log('false:', ion.load('false') === false, 'in a condition:', Boolean(ion.load('false')));
for (const text of ['12345678901234567890', '1.50', '0.1234567890123456789']) console.log(`${text}:`, JSON.stringify(ion.load(text)));
console.log('Map:', ion.dumpText(new Map([['a', 1]])), 'object:', ion.dumpText({ a: 1 }));
console.log('1 2:', ion.load('1 2').numberValue());
JS
node run.cjs | expect 'null: false in a condition: true
false: false in a condition: true
12345678901234567890: 12345678901234567000
1.50: 1.5
0.1234567890123456789: 0.12345678901234568
Map: {} object: {a:1}
1 2: 1'
