#!/usr/bin/env bash
# npm influx-line-protocol-parser 0.2.0 loses fields of InfluxDB's line protocol without an error: a negative integer, an unsigned one and
# a text with a space or a comma are undefined; a space in a name cuts the line; and a time in nanoseconds is rounded.
# Guess: the values of the line.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install influx-line-protocol-parser@0.2.0

cat >run.cjs <<'JS'
const parse = require('influx-line-protocol-parser');
for (const line of ['m f=3i', 'm f=-3i', 'm f=5u', 'm f="x"', 'm f="a b"', 'm f="a,b"', 'm\\ x,t=a f=1i', 'm f=1i 1556813561098123456']) {
  const { measurement, tags, fields, timestamp } = parse(line);
  console.log(line.padEnd(28), measurement, tags, fields, timestamp);
}
JS
node run.cjs | expect 'm f=3i                       m [] [ { f: 3 } ] undefined
m f=-3i                      m [] [ { f: undefined } ] undefined
m f=5u                       m [] [ { f: undefined } ] undefined
m f="x"                      m [] [ { f: '\''x'\'' } ] undefined
m f="a b"                    m [] [ { f: undefined } ] undefined
m f="a,b"                    m [] [ { f: undefined }, { '\''b"'\'': undefined } ] undefined
m\ x,t=a f=1i                m#c# [] [ { x: undefined }, { t: undefined } ] undefined
m f=1i 1556813561098123456   m [] [ { f: 1 } ] 1556813561098123500'
