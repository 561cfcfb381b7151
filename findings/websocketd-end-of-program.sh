#!/usr/bin/env bash
# websocketd 0.4.1 connects a WebSocket with a program's input and output. When the program ends, with success too, it closes the
# connection without a close frame, so that the client sees code 1006; in text mode a last line without a line feed is lost. With
# --binary one write of 100,000 bytes becomes several messages.
# Guess: a close frame with 1000 or 1011, after the last output; a message per write.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install websocketd=0.4.1-1+b11
npm_install ws@8.23.0

cat >program.sh <<'SH'
#!/bin/sh
read -r name
case $name in
unfinished) printf 'first\nlast' ;;
large) dd if=/dev/zero bs=100000 count=1 2>/dev/null ;;
esac
SH
cat >run.js <<'JS'
const WebSocket = require('ws');
const { spawn } = require('child_process');
const { createServer } = require('net');
const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
async function run(mode, text) {
  const port = await freePort();
  const bridge = spawn('websocketd', ['--address=127.0.0.1', `--port=${port}`, ...mode, 'sh', 'program.sh']);
  bridge.on('error', (error) => { throw error; });
  let socket;
  for (let attempt = 0; !socket && attempt < 100; attempt++) {
    socket = await new Promise((resolve) => {
      const candidate = new WebSocket(`ws://127.0.0.1:${port}/`);
      candidate.on('open', () => resolve(candidate));
      candidate.on('error', () => setTimeout(resolve, 50));
    });
  }
  const messages = [];
  socket.on('message', (data) => messages.push(data));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.send(text);
  const code = await closed;
  const texts = mode.length ? (messages.length > 1 ? 'several' : 'one') : messages;
  console.log(`${mode[0] ?? 'text'}, ${text.trim()}: code ${code}, messages: ${texts}`);
  bridge.kill();
}
(async () => {
  await run([], 'nothing');
  await run([], 'unfinished');
  await run(['--binary'], 'large\n');
  process.exit();
})();
JS
node run.js | expect 'text, nothing: code 1006, messages: 
text, unfinished: code 1006, messages: first
--binary, large: code 1006, messages: several'
