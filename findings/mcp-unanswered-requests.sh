#!/usr/bin/env bash
# MCP servers, requests that JSON-RPC allows: npm @modelcontextprotocol/sdk 1.32.2 does not answer a request with a member beside
# params that it does not know, nor "params": null. It and PyPI mcp 2.3.0 do not answer a request with a fractional ID or a batch.
# Nothing is sent, so a client waits until its own timeout.
# Guess: unknown members are ignored; what a server refuses is answered with -32600.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @modelcontextprotocol/sdk@1.32.2 zod@3.25.76
pip_install mcp==2.3.0

cat >server.mjs <<'JS'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
await new McpServer({ name: 'server', version: '1.0.0' }).connect(new StdioServerTransport());
JS
cat >server.py <<'PY'
from mcp.server import MCPServer

MCPServer("server").run()
PY
cat >client.py <<'PY'
import json, subprocess, sys

server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

def send(message):
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()

def answered(message):
    """Sends a message and then a ping, whose answer is the next one if there is none to the message."""
    send(message)
    send({"jsonrpc": "2.0", "id": "last", "method": "ping"})
    if json.loads(server.stdout.readline())["id"] == "last":
        return "no answer"
    server.stdout.readline()
    return "answered"

client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "client", "version": "1"}}
send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client})
server.stdout.readline()
send({"jsonrpc": "2.0", "method": "notifications/initialized"})
ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
cases = {"plain": ping, "further member": {**ping, "timeout": 1000}, "null params": {**ping, "params": None}}
for name, message in {**cases, "ID 1.5": {**ping, "id": 1.5}, "batch": [ping]}.items():
    print(f"{sys.argv[1]}, {name}: {answered(message)}")
server.stdin.close()
server.wait(20)
PY
{ python3 client.py npm node server.mjs && python3 client.py Python python3 server.py; } | expect 'npm, plain: answered
npm, further member: no answer
npm, null params: no answer
npm, ID 1.5: no answer
npm, batch: no answer
Python, plain: answered
Python, further member: answered
Python, null params: answered
Python, ID 1.5: no answer
Python, batch: no answer'
