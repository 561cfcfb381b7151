#!/usr/bin/env bash
# npm thriftrw 3.12.0 writes a Map as an empty map, 1.5 as the i32 1, and reads every i64 as a Buffer of eight bytes. It refuses a Set for a
# set, a Uint8Array for binary, and a BigInt for an i64.
# Guess: the entries of the map; an error for 1.5; a number or a BigInt; a Set, a Uint8Array and a BigInt are written.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install thriftrw@3.12.0

cat >run.cjs <<'JS'
const { Thrift } = require('thriftrw');
const fields = ['1: optional map<string, i32> ages', '2: optional i32 small', '3: optional i64 large', '4: optional set<i32> ids', '5: optional binary data'];
const { Values } = new Thrift({ source: `struct Values { ${fields.join(', ')} }` });
const values = [['ages', { a: 1 }], ['ages', new Map([['a', 1]])], ['small', 1.5], ['large', 5], ['large', 5n], ['ids', new Set([1])], ['data', new Uint8Array([7])]];
for (const [field, value] of values) {
  try {
    console.log(field, value, 'arrives as', Values.fromBuffer(Values.toBuffer(new Values({ [field]: value })))[field]);
  } catch {
    console.log(field, value, 'is refused');
  }
}
JS
node run.cjs | expect "ages { a: 1 } arrives as { a: 1 }
ages Map(1) { 'a' => 1 } arrives as {}
small 1.5 arrives as 1
large 5 arrives as <Buffer 00 00 00 00 00 00 00 05>
large 5n is refused
ids Set(1) { 1 } is refused
data Uint8Array(1) [ 7 ] is refused"
