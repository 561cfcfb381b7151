#!/usr/bin/env bash
# npm parse-link-header 2.0.0 and li 1.3.0 lose a link whose parameter is called REL, although names of parameters have no case; of two
# `rel` parameters they take the last, of two links with one relation only the last, and the first cuts a quoted title at a semicolon.
# Guess: RFC 8288 (3.3): the first `rel` of a link counts; a relation may have many links. http-link-header 1.1.4 keeps them.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install parse-link-header@2.0.0 li@1.3.0 http-link-header@1.1.4

cat >run.cjs <<'JS'
const parse = require('parse-link-header');
const li = require('li');
const links = require('http-link-header');
for (const header of ['<a>; REL="next"', '<a>; rel="x"; rel="y"', '<a>; rel="item", <b>; rel="item"', '<a>; rel="next"; title="a; b"']) {
  console.log(header);
  console.log('  parse-link-header', JSON.stringify(parse(header)));
  console.log('  li', JSON.stringify(li.parse(header)));
  console.log('  http-link-header', JSON.stringify(links.parse(header).refs));
}
JS
node run.cjs | expect '<a>; REL="next"
  parse-link-header {}
  li {}
  http-link-header [{"uri":"a","rel":"next"}]
<a>; rel="x"; rel="y"
  parse-link-header {"y":{"rel":"y","url":"a"}}
  li {"y":"a"}
  http-link-header [{"uri":"a","rel":"x"}]
<a>; rel="item", <b>; rel="item"
  parse-link-header {"item":{"rel":"item","url":"b"}}
  li {"item":"b"}
  http-link-header [{"uri":"a","rel":"item"},{"uri":"b","rel":"item"}]
<a>; rel="next"; title="a; b"
  parse-link-header {"next":{"rel":"next","title":"a","url":"a"}}
  li {"next":"a"}
  http-link-header [{"uri":"a","rel":"next","title":"a; b"}]'
