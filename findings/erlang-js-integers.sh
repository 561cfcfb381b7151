#!/usr/bin/env bash
# npm erlang_js 2.0.7 keeps only 32 bits of large whole numbers: 2^40 is written as 0, 2^53 - 1 as 2^32 - 1, and 1e300 as 0. A list of small
# integers is read as text, a map with binaries as keys finds none of them, and BigInt and Buffer are refused.
# Guess: the number that was given, or an error; a list; the text of a binary as a key.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install erlang_js@2.0.7

cat >run.cjs <<'JS'
const { promisify } = require('node:util');
const { Erlang } = require('erlang_js');
const read = promisify(Erlang.binary_to_term);
const write = promisify(Erlang.term_to_binary);
(async () => {
  for (const number of [2 ** 32 - 1, 2 ** 40, 2 ** 53 - 1, 1e300, 1.5]) console.log(`${number}:`, await read(await write(number)));
  console.log('[1, 2, 3]:', JSON.stringify(await read(Buffer.from('836b0003010203', 'hex'))));
  const map = await read(Buffer.from('8374000000016d00000001616101', 'hex'));
  console.log('#{<<"a">> => 1}:', map.value.get('a'), map.value.size);
  for (const value of [5n, Buffer.from('a')]) await write(value).catch((error) => console.log(typeof value, error.message));
})();
JS
node run.cjs | expect '4294967295: 4294967295
1099511627776: 0
9007199254740991: 4294967295
1e+300: 0
1.5: 1.5
[1, 2, 3]: "\u0001\u0002\u0003"
#{<<"a">> => 1}: undefined 1
bigint unknown javascript type
object unknown javascript object type'
