#!/usr/bin/env bash
# npm hocon-parser 1.0.1 reads `a += 3` as a key of the name "a+", `include "x"` as a key, and `"x"y` as x alone; an optional reference that
# has no value, `${?NONE}`, is a syntax error.
# Guess: an array with one more element, the other file or an error, xy, and an absent value, as HOCON's specification says.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install hocon-parser@1.0.1

cat >run.cjs <<'JS'
const parse = require('hocon-parser');
for (const text of ['a = [1]\na += 2', 'a = "x"y', 'a = 1\nb = ${a}', 'a = 1\nb = ${?NONE}', 'include "other.conf"']) {
  try {
    console.log(JSON.stringify(text), JSON.stringify(parse(text)));
  } catch (error) {
    console.log(JSON.stringify(text), error.message);
  }
}
JS
node run.cjs | expect '"a = [1]\na += 2" {"a":[1],"a +":2}
"a = \"x\"y" {"a":"x"}
"a = 1\nb = ${a}" {"a":1,"b":1}
"a = 1\nb = ${?NONE}" Unexpected token '\''?'\''
"include \"other.conf\"" {"include other":{"conf":""}}'
