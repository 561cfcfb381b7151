#!/usr/bin/env bash
# MCP servers from npm, a tool that throws an exception and a tool that does not exist: tmcp 1.20.0 and mcp-lite 0.10.0 answer the
# exception as a JSON-RPC error, mcp-lite with a stack trace, and mcp-lite answers the missing tool as a missing method. The
# official server answers both as results.
# Guess: a result with isError for the exception, so that a model sees it; -32602 for a missing tool.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install tmcp@1.20.0 @tmcp/transport-stdio@0.5.0 mcp-lite@0.10.0 @modelcontextprotocol/sdk@1.32.2 zod@3.25.76

cat >tmcp.mjs <<'JS'
import { McpServer } from 'tmcp';
import { StdioTransport } from '@tmcp/transport-stdio';
const server = new McpServer({ name: 'server', version: '1', description: '' }, { capabilities: { tools: {} } });
server.tool({ name: 'fail', description: '' }, () => { throw new Error('out of paper'); });
new StdioTransport(server).listen();
JS
cat >mcp-lite.mjs <<'JS'
import readline from 'readline';
import { McpServer, StreamableHttpTransport } from 'mcp-lite';
const server = new McpServer({ name: 'server', version: '1' });
server.tool('fail', { description: '', handler: () => { throw new Error('out of paper'); } });
const handle = new StreamableHttpTransport().bind(server);
const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
for await (const body of readline.createInterface({ input: process.stdin })) {
  const response = await handle(new Request('http://127.0.0.1/mcp', { method: 'POST', body, headers }));
  const text = (await response.text()).replace(/^data: /, '').trim();
  if (text) console.log(text);
}
JS
cat >official.mjs <<'JS'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
const server = new McpServer({ name: 'server', version: '1' });
server.registerTool('fail', {}, () => { throw new Error('out of paper'); });
await server.connect(new StdioServerTransport());
JS
cat >run.mjs <<'JS'
import { spawn } from 'child_process';
import { createInterface } from 'readline';
for (const name of ['tmcp', 'mcp-lite', 'official']) {
  const server = spawn('node', [`${name}.mjs`], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const send = (message) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const ask = async (method, params) => {
    send({ id: 1, method, params });
    return JSON.parse((await lines.next()).value);
  };
  const clientInfo = { name: 'client', version: '1' };
  await ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
  send({ method: 'notifications/initialized' });
  for (const tool of ['fail', 'missing']) {
    const { result, error } = await ask('tools/call', { name: tool, arguments: {} });
    const trace = /\.mjs:\d/.test(JSON.stringify(error ?? result)) ? ', with a stack trace' : '';
    console.log(`${name} ${tool}: ${error ? `error ${error.code}` : `result, isError ${result.isError}`}${trace}`);
  }
  server.kill();
}
process.exit();
JS
node run.mjs | expect 'tmcp fail: error -32603
tmcp missing: result, isError true
mcp-lite fail: error -32603, with a stack trace
mcp-lite missing: error -32601
official fail: result, isError true
official missing: result, isError true'
