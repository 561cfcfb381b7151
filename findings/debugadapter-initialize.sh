#!/usr/bin/env bash
# npm @vscode/debugadapter 1.68.0: it refuses an "initialize" request without pathFormat, which is optional in the Debug Adapter
# Protocol and means "path"; the error says that only native paths are supported. The message of an exception
# is its whole stack trace.
# Guess: the default of the protocol, and the exception's message, with the trace at most in the body.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @vscode/debugadapter@1.68.0

node - <<'JS' | expect 'initialize {"adapterID":"example"}: debug adapter only supports native paths
initialize {"adapterID":"example","pathFormat":"path"}: success
threads {}: Error: out of paper / at Session.threadsRequest ...'
const { DebugSession } = require('@vscode/debugadapter');
const { PassThrough } = require('stream');
const { once } = require('events');
class Session extends DebugSession {
  initializeRequest(response) { this.sendResponse(response); }
  threadsRequest() { throw new Error('out of paper'); }
}
const requests = [
  ['initialize', { adapterID: 'example' }],
  ['initialize', { adapterID: 'example', pathFormat: 'path' }],
  ['threads', {}],
];
(async () => {
  for (const [command, args] of requests) {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const session = new Session();
    session.setRunAsServer(true);
    session.start(input, output);
    const body = JSON.stringify({ seq: 1, type: 'request', command, arguments: args });
    input.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const [text] = await once(output, 'data');
    const { success, message } = JSON.parse(String(text).split('\r\n\r\n')[1]);
    const [first, second] = (success ? 'success' : message).split('\n');
    console.log(`${command} ${JSON.stringify(args)}: ${first}${second ? ` / ${second.trim().replace(/ \(.*/, '')} ...` : ''}`);
  }
})();
JS
