#!/usr/bin/env bash
# npm jsonrpc-lite 2.2.0 finds that requests are invalid whose ID is 1.5, empty or above 2^53, and errors with an empty message. It
# throws at a success without a result, which a method makes that returns nothing.
# Guess: valid messages, as the specification of JSON-RPC 2.0 takes any number and text; null or an omitted result.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install jsonrpc-lite@2.2.0

cat >run.cjs <<'JS'
const { parse, success } = require('jsonrpc-lite');
for (const id of ['1', '-1', '1.5', '"a"', '""', '9007199254740993']) {
  console.log(`ID ${id}:`, parse(`{"jsonrpc":"2.0","id":${id},"method":"a"}`).type);
}
for (const message of ['no', '']) {
  console.log(`error "${message}":`, parse(JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: 1, message } })).type);
}
try {
  console.log('no result:', JSON.stringify(success(1, undefined)));
} catch (error) {
  console.log('no result:', error.message);
}
JS
node run.cjs | expect 'ID 1: request
ID -1: request
ID 1.5: invalid
ID "a": request
ID "": invalid
ID 9007199254740993: invalid
error "no": error
error "": invalid
no result: Internal error'
