#!/usr/bin/env bash
# npm dns-txt 2.0.2 (the TXT records of the bonjour package): null and undefined are published as the text of their names, and the
# length of an entry of more than 255 bytes wraps, so that the rest of the entry is read as further entries.
# Guess: null and undefined leave the key out or without a value; an entry that does not fit is refused.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install dns-txt@2.0.2

node - <<'JS' | expect '{"key":null} is read as {"key":"null"}
{} is read as {"key":"undefined"}
260 bytes are announced as 4, and k is read as "vv"'
const txt = require('dns-txt')({ binary: false });
for (const value of [null, undefined]) {
  console.log(JSON.stringify({ key: value }), 'is read as', JSON.stringify(txt.decode(txt.encode({ key: value }))));
}
const bytes = txt.encode({ k: 'v'.repeat(258) });
console.log(`${bytes.length - 1} bytes are announced as ${bytes[0]}, and k is read as`, JSON.stringify(txt.decode(bytes).k));
JS
