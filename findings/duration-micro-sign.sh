#!/usr/bin/env bash
# Microseconds have two signs, U+00B5 (which Rust and Go write) and U+03BC: npm @sapphire/duration 1.2.0 knows only U+03BC and
# returns NaN for the other, parse-duration 2.1.9 knows only U+00B5 and returns null for the other. PyPI durationpy 0.11 knows both.
# Guess: both signs are read as microseconds.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @sapphire/duration@1.2.0 parse-duration@2.1.9
pip_install durationpy==0.11

cat >run.mjs <<'JS'
import { Duration } from '@sapphire/duration';
import parse from 'parse-duration';
for (const sign of ['\u00b5', '\u03bc']) {
  const name = `U+${sign.codePointAt(0).toString(16).padStart(4, '0')}`;
  console.log(`${name}: @sapphire/duration`, new Duration(`500${sign}s`).offset, 'parse-duration', parse(`500${sign}s`));
}
JS
cat >run.py <<'PY'
import durationpy

for sign in ("\u00b5", "\u03bc"):
    print(f"U+{ord(sign):04x}: durationpy", durationpy.from_str(f"500{sign}s"))
PY
{ node run.mjs && python3 run.py; } | expect "U+00b5: @sapphire/duration NaN parse-duration 0.5
U+03bc: @sapphire/duration 0.5 parse-duration null
U+00b5: durationpy 0:00:00.000500
U+03bc: durationpy 0:00:00.000500"
