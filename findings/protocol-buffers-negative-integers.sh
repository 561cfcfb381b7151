#!/usr/bin/env bash
# npm protocol-buffers 5.0.0 writes negative integers of 64 bits as other numbers: for protobufjs 8.8.1 its int64 -1 is
# -127. It reads its own bytes as -1, so that tests of its own do not show it. -1 of an int32 has five bytes instead of ten, an enum of -1 cannot be
# read again, and fixed64 and sfixed64 throw.
# Guess: ff ff ff ff ff ff ff ff ff 01, as the encoding of protocol buffers says.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install protocol-buffers@5.0.0 protobufjs@8.8.1

cat >run.cjs <<'JS'
const protobufjs = require('protobufjs');
const buffers = require('protocol-buffers');
const schema = 'syntax="proto3"; enum E { A = 0; B = -1; } message M { int64 a = 1; int32 c = 3; sint64 d = 4; E j = 9; sfixed64 m = 12; }';
const theirs = buffers(schema).M;
const others = protobufjs.parse(schema).root.lookupType('M');
for (const value of [{ a: -1 }, { a: -1000 }, { a: -(2 ** 40) }, { a: 2 ** 40 }, { c: -1 }, { d: -1 }, { j: -1 }, { m: -1 }]) {
  const [name] = Object.keys(value);
  const row = [JSON.stringify(value)];
  try {
    const bytes = theirs.encode(value);
    row.push(bytes.toString('hex'), 'protobufjs writes', Buffer.from(others.encode(others.fromObject(value)).finish()).toString('hex'));
    row.push('and reads', String(others.decode(bytes)[name]));
    row.push('itself', theirs.decode(bytes)[name]);
  } catch (error) {
    row.push(error.message.slice(0, 50));
  }
  console.log(...row);
}
JS
node run.cjs | expect '{"a":-1} 0881ffffffffffffffff01 protobufjs writes 08ffffffffffffffffff01 and reads -127 itself -1
{"a":-1000} 08e887ffffffffffffff01 protobufjs writes 0898f8ffffffffffffff01 and reads -15384 itself -1000
{"a":-1099511627776} 088080808080a0ffffff01 protobufjs writes 088080808080e0ffffff01 and reads -3298534883328 itself -1099511627776
{"a":1099511627776} 08808080808020 protobufjs writes 08808080808020 and reads 1099511627776 itself 1099511627776
{"c":-1} 18ffffffff0f protobufjs writes 18ffffffffffffffffff01 and reads -1 itself -1
{"d":-1} 2001 protobufjs writes 2001 and reads -1 itself -1
{"j":-1} 48ff protobufjs writes 48ffffffffffffffffff01 index out of range: 2 + 1 > 2
{"m":-1} The first argument must be of type string or an in'
