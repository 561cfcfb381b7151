#!/usr/bin/env bash
# npm vscode-jsonrpc 10.0.0 has no batches and no null id: it logs an error and sends nothing, so the caller waits forever. A
# request without "jsonrpc": "2.0" is answered.
# Guess: batches are answered; a null id gets an answer with a null id; a missing version is refused with -32600.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install vscode-jsonrpc@10.0.0

node - <<'JS' | expect 'batch: logged, no answer
null id: logged, no answer
no version: {"jsonrpc":"2.0","id":1,"result":0}'
const { PassThrough } = require('stream');
const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = require('vscode-jsonrpc/node');
const ask = (request) => new Promise((resolve) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const logger = { error: () => resolve('logged, no answer'), warn() {}, info() {}, log() {} };
  const connection = createMessageConnection(new StreamMessageReader(input), new StreamMessageWriter(output), logger);
  connection.onRequest('zero', () => 0);
  connection.listen();
  output.on('data', (chunk) => {
    const body = String(chunk).replace(/^Content-Length: \d+\r\n\r\n/, '');
    if (body) resolve(body);
  });
  input.write(`Content-Length: ${request.length}\r\n\r\n${request}`);
});
(async () => {
  console.log('batch:', await ask('[{"jsonrpc":"2.0","method":"zero","id":1}]'));
  console.log('null id:', await ask('{"jsonrpc":"2.0","method":"zero","id":null}'));
  console.log('no version:', await ask('{"method":"zero","id":1}'));
  process.exit();
})();
JS
