#!/usr/bin/env bash
# npm bencode 4.0.1: a list loses its null elements. A BigInt is written as nothing, so that the next key of a dictionary takes its
# place and the rest is out of step. Integers above 2^53 are rounded when they are read.
# Guess: an error for null, as bencode has none; i5e for 5n; a BigInt or an error for 2^53 + 1.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install bencode@4.0.1

cat >run.mjs <<'JS'
import bencode from 'bencode';
const text = (value) => JSON.stringify(Buffer.from(bencode.encode(value)).toString());
console.log('[1, null, 2]:', text([1, null, 2]));
console.log('5n:', text(5n));
console.log('{ id: 5n, n: 1 }:', text({ id: 5n, n: 1 }));
console.log('i9007199254740993e:', bencode.decode(Buffer.from('i9007199254740993e')));
JS
node run.mjs | expect '[1, null, 2]: "li1ei2ee"
5n: ""
{ id: 5n, n: 1 }: "d2:id1:ni1ee"
i9007199254740993e: 9007199254740992'
