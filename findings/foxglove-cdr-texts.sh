#!/usr/bin/env bash
# npm @foxglove/cdr 3.5.0 writes texts that are not ASCII incompletely: it leaves a byte for each UTF-16 unit and writes as many whole
# characters of UTF-8 as fit: "grün" is "grü", "é" only zeros. A receiver (ROS 2, DDS) gets another text without an error.
# Guess: the length in bytes, and all of the text.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @foxglove/cdr@3.5.0

cat >run.cjs <<'JS'
const { CdrReader, CdrWriter } = require('@foxglove/cdr');
for (const text of ['abc', 'grün', 'é', '5 µm', '日本']) {
  const writer = new CdrWriter();
  writer.string(text);
  writer.uint8(7);
  const reader = new CdrReader(writer.data);
  console.log(text, Buffer.from(writer.data).toString('hex'), JSON.stringify(reader.string()), reader.uint8());
}
JS
node run.cjs | expect 'abc 00010000040000006162630007 "abc" 7
grün 00010000050000006772c3bc0007 "grü" 7
é 0001000002000000000007 "\u0000" 7
5 µm 00010000050000003520c2b50007 "5 µ" 7
日本 000100000300000000000007 "\u0000\u0000" 7'
