#!/usr/bin/env bash
# npm resurrect-js 1.0.1 leaves a property `#id` in every object and array that it has written, so that the program's own values have changed: a
# comparison fails, and JSON has one more member. Objects with a member "#" or "#id" cannot be read again.
# Guess: writing a value does not change it.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install resurrect-js@1.0.1

cat >run.cjs <<'JS'
const { isDeepStrictEqual } = require('node:util');
const Resurrect = require('resurrect-js');
const necromancer = new Resurrect();
const value = { list: [1, 2], inner: {} };
necromancer.stringify(value);
console.log('unchanged', isDeepStrictEqual(value, { list: [1, 2], inner: {} }), JSON.stringify(value), Object.keys(value.list));
for (const value of [{ '#': 'x' }, { '#': 1 }, { '#id': 5 }]) {
  const text = JSON.stringify(value);
  try {
    console.log(text, JSON.stringify(necromancer.resurrect(necromancer.stringify(value))));
  } catch (error) {
    console.log(text, error.message);
  }
}
JS
node run.cjs | expect 'unchanged false {"list":[1,2],"inner":{"#id":null},"#id":null} [ '\''0'\'', '\''1'\'', '\''#id'\'' ]
{"#":"x"} Unknown constructor: x
{"#":1} Unknown constructor: 1
{"#id":5} undefined'
