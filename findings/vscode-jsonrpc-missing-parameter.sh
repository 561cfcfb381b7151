#!/usr/bin/env bash
# npm vscode-jsonrpc 10.0.0 does not check the number of positional parameters: it appends the cancellation token to those that
# came, so a handler of two parameters that is sent one gets the token as its second, and answers with a success.
# Guess: error -32602 (invalid params), or `undefined` as the second parameter.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install vscode-jsonrpc@10.0.0

node - <<'JS' | expect '{"jsonrpc":"2.0","id":1,"result":"1[object Object]"}'
const { PassThrough } = require('stream');
const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = require('vscode-jsonrpc/node');
const [input, output] = [new PassThrough(), new PassThrough()];
const connection = createMessageConnection(new StreamMessageReader(input), new StreamMessageWriter(output));
connection.onRequest('join', (a, b) => `${a}${b}`);
connection.listen();
output.on('data', (chunk) => {
  const body = String(chunk).replace(/^Content-Length: \d+\r\n\r\n/, '');
  if (body) console.log(body), process.exitCode = 0, connection.dispose();
});
const request = '{"jsonrpc":"2.0","method":"join","params":[1],"id":1}';
input.write(`Content-Length: ${request.length}\r\n\r\n${request}`);
JS
