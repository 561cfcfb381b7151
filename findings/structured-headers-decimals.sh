#!/usr/bin/env bash
# npm structured-headers 2.1.0 writes a number that rounds to a whole one with a point and no digit after it, which the grammar of
# RFC 9651 forbids and its own parser refuses. @svta/cml-structured-field-values 1.1.6 writes "1.0".
# Guess: "1.0" for 1.0001.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install structured-headers@2.1.0 @svta/cml-structured-field-values@1.1.6

cat >run.mjs <<'JS'
import { encodeSfItem } from '@svta/cml-structured-field-values';
import { parseItem, serializeItem } from 'structured-headers';
for (const value of [1.0001, 0.00001]) {
  const text = serializeItem(value);
  let read = 'reads it';
  try {
    parseItem(text);
  } catch {
    read = 'refuses it';
  }
  console.log(`${value}: structured-headers writes ${text} and ${read}; @svta writes ${encodeSfItem(value)}`);
}
JS
node run.mjs | expect '1.0001: structured-headers writes 1. and refuses it; @svta writes 1.0
0.00001: structured-headers writes 0. and refuses it; @svta writes 0.0'
