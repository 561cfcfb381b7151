#!/usr/bin/env bash
# npm event-source-plus 0.1.15 delivers only the last line of an event with several data lines, so that JSON over lines is cut.
# Guess: the lines joined with line feeds; eventsource-client 1.2.0 does so.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install event-source-plus@0.1.15 eventsource-client@1.2.0

cat >run.mjs <<'JS'
import { once } from 'events';
import { createServer } from 'http';
import { EventSourcePlus } from 'event-source-plus';
import { createEventSource } from 'eventsource-client';
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
const streams = {
  'one line': 'data: {"a":1}\n\n',
  'two lines': 'data: {"a":\ndata: 1}\n\n',
};
const clients = {
  'event-source-plus': (url, onMessage) => {
    const controller = new EventSourcePlus(url, { retryStrategy: 'on-error', maxRetryCount: 0 }).listen({ onMessage });
    return () => controller.abort();
  },
  'eventsource-client': (url, onMessage) => {
    const source = createEventSource({ url, onMessage });
    return () => source.close();
  },
};
for (const [client, connect] of Object.entries(clients)) {
  for (const [name, text] of Object.entries(streams)) {
    const server = createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(text);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const events = [];
    const close = connect(`http://127.0.0.1:${server.address().port}/`, ({ data }) => events.push(JSON.stringify(data)));
    await pause(500);
    console.log(`${client}, ${name}: ${events.join(' ') || 'nothing'}`);
    close();
    server.close();
    server.closeAllConnections();
  }
}
process.exit();
JS
node run.mjs 2>/dev/null | expect 'event-source-plus, one line: "{\"a\":1}"
event-source-plus, two lines: "1}"
eventsource-client, one line: "{\"a\":1}"
eventsource-client, two lines: "{\"a\":\n1}"'
