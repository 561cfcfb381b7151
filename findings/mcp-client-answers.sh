#!/usr/bin/env bash
# The MCP client of npm @modelcontextprotocol/sdk 1.32.2: an answer with a null result or with a member that it does not know leaves
# the call pending until the timeout. Progress that arrives in one piece with the answer is lost, and reported as progress of an
# unknown token. A timeout has the code -32001, as an error of the server may have.
# Guess: null is a result, members are ignored, progress arrives in order, and a timeout has a type of its own.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @modelcontextprotocol/sdk@1.32.2 zod@3.25.76

cat >server.mjs <<'JS'
import { createInterface } from 'readline';
const line = (message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
createInterface({ input: process.stdin }).on('line', async (text) => {
  const { id, method, params } = JSON.parse(text);
  const result = { content: [] };
  const serverInfo = { name: 'server', version: '1' };
  if (method === 'initialize') {
    process.stdout.write(line({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } }));
  }
  if (method !== 'tools/call') return;
  const progressToken = params._meta?.progressToken;
  const progress = line({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
  const answers = {
    plain: [line({ id, result })],
    null: [line({ id, result: null })],
    member: [line({ id, result, server: 'a' })],
    refused: [line({ id, error: { code: -32001, message: 'no' } })],
    'progress, then answer': [progress, line({ id, result })],
    'progress with answer': [progress + line({ id, result })],
  };
  for (const answer of answers[params.name]) {
    process.stdout.write(answer);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
JS
cat >run.mjs <<'JS'
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
const client = new Client({ name: 'client', version: '1' });
client.onerror = () => {};
await client.connect(new StdioClientTransport({ command: 'node', args: ['server.mjs'] }));
for (const name of ['plain', 'null', 'member', 'refused', 'progress, then answer', 'progress with answer']) {
  let progress = 0;
  const options = { timeout: 1000, onprogress: () => { progress += 1; } };
  const outcome = await client.callTool({ name, arguments: {} }, undefined, options).then(
    () => 'answered',
    ({ code, message }) => `${code} ${message.replace(/.*: /, '')}`,
  );
  console.log(`${name}: ${outcome}${name.includes('progress') ? `, ${progress} progress` : ''}`);
}
process.exit();
JS
node run.mjs | expect 'plain: answered
null: -32001 Request timed out
member: -32001 Request timed out
refused: -32001 no
progress, then answer: answered, 1 progress
progress with answer: answered, 0 progress'
