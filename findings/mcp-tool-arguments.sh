#!/usr/bin/env bash
# MCP servers and a tool whose published schema has an integer: Python's mcp 2.3.0 calls the tool with 1 for the text "1" and for
# true; npm @modelcontextprotocol/sdk 1.32.2 refuses both. A call of a tool that does not exist is answered by both as the result of
# a tool, and not as a JSON-RPC error; the text from npm has the error's code -32602 in it.
# Guess: arguments are checked against the schema, and an unknown tool is the error -32602, as the specification shows it.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @modelcontextprotocol/sdk@1.32.2 zod@3.25.76
pip_install mcp==2.3.0

cat >server.py <<'PY'
from mcp.server import MCPServer

server = MCPServer("server")

@server.tool()
def next_number(n: int) -> str:
    return str(n + 1)

server.run()
PY
cat >server.mjs <<'JS'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';
const server = new McpServer({ name: 'server', version: '1.0.0' });
server.registerTool('next_number', { inputSchema: { n: z.number().int() } }, async ({ n }) => {
  return { content: [{ type: 'text', text: String(n + 1) }] };
});
await server.connect(new StdioServerTransport());
JS
cat >client.py <<'PY'
import json, subprocess, sys

server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

def send(**message):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    server.stdin.flush()

def ask(**request):
    send(id=1, **request)
    return json.loads(server.stdout.readline())

client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "client", "version": "1"}}
ask(method="initialize", params=client)
send(method="notifications/initialized")
for name, arguments in [("next_number", {"n": 1}), ("next_number", {"n": "1"}), ("next_number", {"n": True}), ("missing", {})]:
    answer = ask(method="tools/call", params={"name": name, "arguments": arguments})
    result = answer.get("result", {})
    text = result["content"][0]["text"].splitlines()[0] if result else answer["error"]
    print(f"{sys.argv[1]}: {name} {json.dumps(arguments)}: {'isError ' * result.get('isError', False)}{text[:34]}")
server.stdin.close()
server.wait(20)
PY
{ python3 client.py Python python3 server.py && python3 client.py npm node server.mjs; } | expect 'Python: next_number {"n": 1}: 2
Python: next_number {"n": "1"}: 2
Python: next_number {"n": true}: 2
Python: missing {}: isError Unknown tool: missing
npm: next_number {"n": 1}: 2
npm: next_number {"n": "1"}: isError MCP error -32602: Input validation
npm: next_number {"n": true}: isError MCP error -32602: Input validation
npm: missing {}: isError MCP error -32602: Tool missing not'
