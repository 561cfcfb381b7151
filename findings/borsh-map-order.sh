#!/usr/bin/env bash
# Borsh in JavaScript (npm): borsh 2.0.0 and borsher 4.0.0 write maps and sets in the order of insertion, so that equal values have
# several encodings; @zorsh/zorsh 0.5.0 sorts them, as the specification says. borsh writes 256 as the byte 0.
# Guess: sorted keys, as Borsh has one encoding for a value; an error for 256.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install borsh@2.0.0 borsher@4.0.0 @zorsh/zorsh@0.5.0

cat >run.mjs <<'JS'
import * as borsh from 'borsh';
import { BorshSchema, borshSerialize } from 'borsher';
import { b } from '@zorsh/zorsh';
const map = new Map([['b', 1], ['a', 2]]);
const hex = (bytes) => Buffer.from(bytes).toString('hex');
console.log('borsh:', hex(borsh.serialize({ map: { key: 'string', value: 'u8' } }, map)), hex(borsh.serialize({ set: 'u8' }, new Set([3, 1]))));
console.log('borsher:', hex(borshSerialize(BorshSchema.HashMap(BorshSchema.String, BorshSchema.u8), map)));
console.log('zorsh:', hex(b.hashMap(b.string(), b.u8()).serialize(map)), hex(b.hashSet(b.u8()).serialize(new Set([3, 1]))));
console.log('borsh, 256 as u8:', hex(borsh.serialize('u8', 256)));
JS
node run.mjs | expect "borsh: 02000000010000006201010000006102 020000000301
borsher: 02000000010000006201010000006102
zorsh: 02000000010000006102010000006201 020000000103
borsh, 256 as u8: 00"
