#!/usr/bin/env bash
# npm msgpackr 2.1.4: a field that is undefined is written as extension 0 (d4 00 00), not as nil and not left out. Small
# objects have the header of large ones (de 00 02).
# Guess: 81 a1 62 01 (left out, as JSON does) or 82 a1 61 c0 a1 62 01 (nil).
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install msgpackr@2.1.4

node - <<'JS' | expect "de0002a161d40000a16201"
console.log(require('msgpackr').pack({ a: undefined, b: 1 }).toString('hex'));
JS
