#!/usr/bin/env bash
# Clients of the Agent Client Protocol, npm @agentclientprotocol/sdk 2.4.0 and PyPI agent-client-protocol 0.12.1: handlers of updates
# that wait overtake each other, so that pieces of a text change places. In Python, a request that the client does not implement is
# answered with null, and a prompt that is cancelled in the client is not cancelled at the agent.
# Guess: updates are handled one after another; -32601; both send a cancellation.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @agentclientprotocol/sdk@2.4.0
pip_install agent-client-protocol==0.12.1

cat >agent.mjs <<'JS'
import { appendFileSync } from 'fs';
import { createInterface } from 'readline';
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
createInterface({ input: process.stdin }).on('line', (text) => {
  const { id, method, params } = JSON.parse(text);
  if (id === 'file') appendFileSync('answer', text.replace(/.*"id":"file",/, '').slice(0, -1));
  if (method?.includes('cancel')) appendFileSync('cancelled', method);
  if (method === 'initialize') send({ id, result: { protocolVersion: 1 } });
  if (method === 'session/new') send({ id, result: { sessionId: 's' } });
  if (method !== 'session/prompt' || params.prompt[0].text === 'wait') return;
  for (const text of ['a', 'b', 'c']) {
    const update = { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } };
    send({ method: 'session/update', params: { sessionId: 's', update } });
  }
  send({ id: 'file', method: 'fs/read_text_file', params: { sessionId: 's', path: '/file' } });
  setTimeout(() => send({ id, result: { stopReason: 'end_turn' } }), 500);
});
JS
cat >client.mjs <<'JS'
import { spawn } from 'child_process';
import { Readable, Writable } from 'stream';
import { client, methods, ndJsonStream } from '@agentclientprotocol/sdk';
const { stdin, stdout } = spawn('node', ['agent.mjs'], { stdio: ['pipe', 'pipe', 'ignore'] });
let text = '';
const app = client({ name: 'client' }).onNotification(methods.client.session.update, async ({ params }) => {
  const piece = params.update.content.text;
  if (piece === 'a') await new Promise((resolve) => setTimeout(resolve, 100));
  text += piece;
});
await app.connectWith(ndJsonStream(Writable.toWeb(stdin), Readable.toWeb(stdout)), async (agent) => {
  const prompt = (text, options) => {
    const params = { sessionId: 's', prompt: [{ type: 'text', text }] };
    return agent.request(methods.agent.session.prompt, params, options);
  };
  await agent.request(methods.agent.initialize, { protocolVersion: 1, clientCapabilities: {} });
  await agent.request(methods.agent.session.new, { cwd: '/', mcpServers: [] });
  await prompt('answer');
  prompt('wait', { cancellationSignal: AbortSignal.timeout(300) }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 600));
  console.log('text:', text);
  process.exit();
});
JS
cat >client.py <<'PY'
import asyncio
from acp import Client, connect_to_agent, text_block

class Editor(Client):
    text = ""

    async def session_update(self, session_id, update, **_):
        if update.content.text == "a":
            await asyncio.sleep(0.1)
        self.text += update.content.text

async def main():
    agent = await asyncio.create_subprocess_exec("node", "agent.mjs", stdin=-1, stdout=-1)
    editor = Editor()
    connection = connect_to_agent(editor, agent.stdin, agent.stdout)
    await connection.initialize(protocol_version=1)
    await connection.new_session(cwd="/", mcp_servers=[])
    await connection.prompt(session_id="s", prompt=[text_block("answer")])
    waiting = asyncio.create_task(connection.prompt(session_id="s", prompt=[text_block("wait")]))
    await asyncio.sleep(0.3)
    waiting.cancel()
    await asyncio.sleep(0.3)
    agent.kill()
    print("text:", editor.text)

asyncio.run(main())
PY
for client in "node client.mjs" "python3 client.py"; do
    rm -f answer cancelled
    echo "$client: $($client 2>/dev/null), answer: $(sed 's/,"message.*//' answer), cancelled: $(cat cancelled 2>/dev/null || echo no)"
done | expect 'node client.mjs: text: bca, answer: "error":{"code":-32601, cancelled: $/cancel_request
python3 client.py: text: bca, answer: "result":null, cancelled: no'
