#!/usr/bin/env bash
# npm pbf 5.1.2: signed varints (sint64) below -2^52 change their sign, although JavaScript counts exactly to -2^53, and some lose
# their last digit. Its fixed64 integers do not.
# Guess: what was written is read.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install pbf@5.1.2

cat >run.mjs <<'JS'
import { PbfReader, PbfWriter } from 'pbf';
for (const number of [-(2 ** 52), -(2 ** 52) - 1, -(2 ** 53) + 1]) {
  const writer = new PbfWriter();
  writer.writeSVarint(number);
  writer.writeSFixed64(number);
  const reader = new PbfReader(writer.finish());
  console.log(`${number}: sint64 ${reader.readSVarint()}, sfixed64 ${reader.readSFixed64()}`);
}
JS
node run.mjs | expect "-4503599627370496: sint64 -4503599627370496, sfixed64 -4503599627370496
-4503599627370497: sint64 4503599627370496, sfixed64 -4503599627370497
-9007199254740991: sint64 9007199254740990, sfixed64 -9007199254740991"
