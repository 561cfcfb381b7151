#!/usr/bin/env bash
# npm ts-lsp-client 1.1.1: of two requests that are made at once, it accepts the answer to the second only. The first is reported
# as an error and stays pending for ever. A message whose header has a Content-Type is an error, and ends the reading.
# Guess: answers are matched by their ID, in any order; the Content-Type of the protocol is read or ignored.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install ts-lsp-client@1.1.1

node - <<'JS' | expect 'one request: answered
two requests: pending, answered; error: Received id mismatch! Got 0, expected 1
Content-Type: pending; error: Bad header'
const { JSONRPCEndpoint } = require('ts-lsp-client');
const { PassThrough } = require('stream');
const write = (stream, message, header = '') => {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  stream.write(`Content-Length: ${body.length}\r\n${header}\r\n${body}`);
};
async function run(name, requests, header) {
  const [requestStream, answerStream] = [new PassThrough(), new PassThrough()];
  const endpoint = new JSONRPCEndpoint(requestStream, answerStream);
  const errors = [];
  const report = (error) => errors.push((error.message ?? error).replace(/^\[\w+\] /, '').split(':')[0]);
  endpoint.on('error', report);
  endpoint.readableByline.on('error', report);
  const outcomes = requests.map((method, index) => {
    endpoint.send(method).then(() => { outcomes[index] = 'answered'; });
    return 'pending';
  });
  for (const id of requests.keys()) write(answerStream, { id, result: null }, header);
  await new Promise((resolve) => setTimeout(resolve, 200));
  console.log(`${name}: ${outcomes.join(', ')}${errors.map((error) => `; error: ${error}`).join('')}`);
}
(async () => {
  await run('one request', ['shutdown']);
  await run('two requests', ['first', 'second']);
  await run('Content-Type', ['shutdown'], 'Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n');
  process.exit();
})();
JS
