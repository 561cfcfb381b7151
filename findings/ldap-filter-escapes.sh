#!/usr/bin/env bash
# LDAP filters in JavaScript: for the escape \c3\a9, which is the UTF-8 of U+00E9, npm ldapts 9.2.0 sends the UTF-8 of two characters, and
# @ldapjs/filter 2.1.1 the text of the escape itself. ldapts refuses the filters (&) and (|) of RFC 4526, @ldapjs/filter refuses (|)
# and an empty value, and both refuse an attribute with an option.
# Guess: c3 a9 is sent, and every filter is parsed, as RFC 4515 and RFC 4526 say.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ldapts@9.2.0 @ldapjs/filter@2.1.1

cat >run.mjs <<'JS'
import ldapjs from '@ldapjs/filter';
import { BerWriter, FilterParser } from 'ldapts';
const written = (filter) => {
  const writer = new BerWriter();
  filter.write(writer);
  return writer.buffer;
};
const parsers = {
  ldapts: (text) => written(FilterParser.parseString(text)),
  '@ldapjs/filter': (text) => ldapjs.parseString(text).toBer().buffer,
};
for (const [name, send] of Object.entries(parsers)) {
  for (const filter of ['(cn=a)', '(cn=\\c3\\a9)', '(&)', '(|)', '(cn=)', '(cn;lang-en=a)']) {
    try {
      console.log(name, filter, send(filter).toString('hex'));
    } catch {
      console.log(name, filter, 'refused');
    }
  }
}
JS
node run.mjs | expect 'ldapts (cn=a) a3070402636e040161
ldapts (cn=\c3\a9) a30a0402636e0404c383c2a9
ldapts (&) refused
ldapts (|) refused
ldapts (cn=) a3060402636e0400
ldapts (cn;lang-en=a) refused
@ldapjs/filter (cn=a) a3070402636e040161
@ldapjs/filter (cn=\c3\a9) a30c0402636e04065c63335c6139
@ldapjs/filter (&) a000
@ldapjs/filter (|) refused
@ldapjs/filter (cn=) refused
@ldapjs/filter (cn;lang-en=a) refused'
