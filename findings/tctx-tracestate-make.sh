#!/usr/bin/env bash
# npm tctx 0.2.6: tracestate.make({ key: 'value' }), the call that its README and its type file show, fails with a TypeError: it
# takes pairs. The pairs come out in reverse: the first pair is sent last, where members are dropped first. Iterating over a parsed
# tracestate gives the reverse of the header's order, too.
# Guess: objects work as shown, and the order stays.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install tctx@0.2.6

cat >run.mjs <<'JS'
import { make, parse } from 'tctx/tracestate';
try {
  console.log('object:', String(make({ key: 'value' })));
} catch (error) {
  console.log('object:', error.name);
}
console.log('pairs:', String(make([['a', '1'], ['b', '2']])));
console.log('parsed:', [...parse('a=1,b=2').keys()].join());
JS
node run.mjs | expect 'object: TypeError
pairs: b=2,a=1
parsed: b,a'
