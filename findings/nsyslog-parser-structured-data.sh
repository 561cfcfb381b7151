#!/usr/bin/env bash
# npm nsyslog-parser 0.10.1 loses a whole element of RFC 5424's structured data if one of its values has an escaped quote, and returns
# absent fields as the text "-"; glossy 0.1.7 reads both.
# Guess: the value with a quote, and null or undefined for an absent field.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install nsyslog-parser@0.10.1 glossy@0.1.7

cat >run.cjs <<'JS'
const nsyslog = require('nsyslog-parser');
const { Parse } = require('glossy');
const at = '<34>1 2003-10-11T22:14:15.003Z';
for (const rest of ['- - - - - m', 'h a 1 i [x@1 a="b"][y@1 c="d"] m', 'h a 1 i [x@1 a="say \\"b\\""][y@1 c="d"] m']) {
  const message = nsyslog(`${at} ${rest}`);
  console.log(rest);
  console.log('  nsyslog-parser', message.host, message.pid, JSON.stringify(message.structuredData));
  const other = Parse.parse(`${at} ${rest}`);
  console.log('  glossy', other.host, other.pid, JSON.stringify(other.structuredData));
}
JS
node run.cjs | expect '- - - - - m
  nsyslog-parser - - []
  glossy null null undefined
h a 1 i [x@1 a="b"][y@1 c="d"] m
  nsyslog-parser h 1 [{"$id":"x@1","a":"b"},{"$id":"y@1","c":"d"}]
  glossy h 1 {"x@1":{"a":"b"},"y@1":{"c":"d"}}
h a 1 i [x@1 a="say \"b\""][y@1 c="d"] m
  nsyslog-parser h 1 [{"$id":"y@1","c":"d"}]
  glossy h 1 {"x@1":{"a":"say \"b\""},"y@1":{"c":"d"}}'
