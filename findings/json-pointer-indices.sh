#!/usr/bin/env bash
# JSON pointers (RFC 6901) in npm: @croct/json-pointer 0.3.0 does not find a member whose name is "01". @hyperjump/json-pointer 1.1.2
# takes 01, 1e0 and +1 for the second element of a list. json-pointer 0.6.2 and @sagold/json-pointer 7.2.1 find the length of a list.
# To add an element at "-" does nothing in the latter.
# To be expected: the member; an error or undefined for the other names, which are no indices; an appended element.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install json-pointer@0.6.2 @croct/json-pointer@0.3.0 @hyperjump/json-pointer@1.1.2 @sagold/json-pointer@7.2.1

cat >run.mjs <<'JS'
import { JsonPointer } from '@croct/json-pointer';
import * as hyperjump from '@hyperjump/json-pointer';
import * as sagold from '@sagold/json-pointer';
import jsonPointer from 'json-pointer';
const document = () => ({ '01': 'member', list: ['first', 'second'] });
const libraries = {
  'json-pointer': [(at, value) => jsonPointer.get(value, at), (at, value) => jsonPointer.set(value, at, 'new')],
  croct: [(at, value) => JsonPointer.parse(at).get(value), (at, value) => JsonPointer.parse(at).set(value, 'new')],
  hyperjump: [(at, value) => hyperjump.get(at, value), (at, value) => hyperjump.assign(at, value, 'new')],
  sagold: [(at, value) => sagold.get(value, at), (at, value) => sagold.set(value, at, 'new')],
};
for (const [name, [get, set]] of Object.entries(libraries)) {
  const found = ['/01', '/list/01', '/list/1e0', '/list/+1', '/list/length'].map((at) => {
    try {
      return `${at} ${get(at, document())}`;
    } catch {
      return `${at} error`;
    }
  });
  const changed = document();
  set('/list/-', changed);
  console.log(`${name}: ${found.join(', ')}, added ${changed.list.length - 2}`);
}
JS
node run.mjs | expect 'json-pointer: /01 member, /list/01 error, /list/1e0 error, /list/+1 error, /list/length 2, added 1
croct: /01 error, /list/01 second, /list/1e0 error, /list/+1 error, /list/length error, added 1
hyperjump: /01 member, /list/01 second, /list/1e0 second, /list/+1 second, /list/length undefined, added 1
sagold: /01 member, /list/01 undefined, /list/1e0 undefined, /list/+1 undefined, /list/length 2, added 0'
