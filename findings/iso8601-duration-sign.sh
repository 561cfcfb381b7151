#!/usr/bin/env bash
# Negative durations: npm iso8601-duration 2.1.4 accepts the sign of "-PT1S" and drops it, and so does expiry-js 0.1.7 with "-1h".
# tinyduration 3.4.1 has a field for it. parse-iso-duration 1.1.0 refuses fractions of a second.
# Guess: a negative number, or an error.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install iso8601-duration@2.1.4 expiry-js@0.1.7 tinyduration@3.4.1 parse-iso-duration@1.1.0

cat >run.mjs <<'JS'
import expiry from 'expiry-js';
import { parse, toSeconds } from 'iso8601-duration';
import parseIso from 'parse-iso-duration';
import tiny from 'tinyduration';
const attempt = (call) => {
  try {
    return JSON.stringify(call());
  } catch (error) {
    return error.message;
  }
};
console.log('iso8601-duration -PT1S:', attempt(() => toSeconds(parse('-PT1S'))), 's');
console.log('tinyduration -PT1S:', attempt(() => tiny.parse('-PT1S')));
console.log('expiry-js -1h:', attempt(() => expiry('-1h').asMilliseconds()), 'ms');
for (const text of ['PT1S', 'PT0.5S']) console.log(`parse-iso-duration ${text}:`, attempt(() => parseIso(text)));
JS
node run.mjs | expect 'iso8601-duration -PT1S: 1 s
tinyduration -PT1S: {"seconds":1,"negative":true}
expiry-js -1h: 3600000 ms
parse-iso-duration PT1S: 1000
parse-iso-duration PT0.5S: Invalid duration'
