#!/usr/bin/env bash
# npm jsonparse 1.3.1 (the parser below JSONStream 1.3.5): an integer above 2^53 becomes a string if a JavaScript number cannot hold
# it, but only if it is positive; a negative one is rounded. The type of a field of 64 bits so depends on its value and sign.
# Guess: numbers, rounded as JSON.parse does, or strings for all large ones.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install jsonparse@1.3.1 JSONStream@1.3.5

node - <<'JS' | expect 'jsonparse [9007199254740992,"9007199254740993",-9007199254740992,1.25]
JSONStream [9007199254740992,"9007199254740993",-9007199254740992,1.25]'
const text = '[9007199254740992,9007199254740993,-9007199254740993,1.25]';
const Parser = require('jsonparse');
const parser = new Parser();
parser.onValue = function (value) {
  if (this.stack.length === 0) console.log('jsonparse', JSON.stringify(value));
};
parser.write(text);
const stream = require('JSONStream').parse();
stream.on('data', (value) => console.log('JSONStream', JSON.stringify(value)));
stream.end(text);
JS
