#!/usr/bin/env bash
# Server-sent events: npm extended-eventsource 2.1.0 delivers empty events that were not sent where a chunk ends within CRLF, and for
# a retry time, an ID or a field that it does not know. fetch-event-stream 0.1.6 delivers events without data and all white space
# before data as none. parse-sse 0.1.0 drops events with empty data and delivers an unfinished one.
# Guess: one event per blank line behind a data field; one space is left out; an unfinished event is dropped.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install extended-eventsource@2.1.0 fetch-event-stream@0.1.6 parse-sse@0.1.0 eventsource-client@1.2.0

cat >run.mjs <<'JS'
import { once } from 'events';
import { createServer } from 'http';
import { createEventSource } from 'eventsource-client';
import { EventSource } from 'extended-eventsource';
import { events } from 'fetch-event-stream';
import { parseServerSentEvents } from 'parse-sse';
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
const streams = {
  'CR, LF': ['data: a\r', '\n\r', '\n'],
  'retry': ['retry: 1000\n\ndata: a\n\n'],
  'unknown field': ['note: x\n\ndata: a\n\n'],
  'two spaces': ['data:  a\n\n'],
  'empty data': ['data:\n\n'],
  'unfinished': ['data: a\n\ndata: b\n'],
};
const clients = {
  'eventsource-client': async (url, onMessage) => {
    const source = createEventSource({ url, onMessage });
    await pause(400);
    source.close();
  },
  'extended-eventsource': async (url, onMessage) => {
    const source = new EventSource(url, { disableRetry: true, disableLogger: true });
    source.onmessage = onMessage;
    await pause(400);
    source.close();
  },
  'fetch-event-stream': async (url, onMessage) => {
    for await (const event of events(await fetch(url))) onMessage(event);
  },
  'parse-sse': async (url, onMessage) => {
    for await (const event of parseServerSentEvents(await fetch(url))) onMessage(event);
  },
};
for (const [client, read] of Object.entries(clients)) {
  const outcomes = [];
  for (const [name, chunks] of Object.entries(streams)) {
    const server = createServer(async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of chunks) {
        response.write(chunk);
        await pause(50);
      }
      response.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const received = [];
    await read(`http://127.0.0.1:${server.address().port}/`, ({ data }) => received.push(JSON.stringify(data) ?? 'undefined'));
    outcomes.push(`${name} ${received.join(' ') || 'nothing'}`);
    server.close();
  }
  process.stdout.write(`${client}: ${outcomes.join(', ')}\n`);
}
process.exit();
JS
node run.mjs 2>/dev/null | grep -E '^(event|ext|fetch-|parse)' | expect 'eventsource-client: CR, LF "a", retry "a", unknown field "a", two spaces " a", empty data "", unfinished "a"
extended-eventsource: CR, LF "a" "" "", retry "" "a", unknown field "" "a", two spaces " a", empty data "", unfinished "a"
fetch-event-stream: CR, LF "a", retry undefined "a", unknown field "a", two spaces "a", empty data "", unfinished "a"
parse-sse: CR, LF "a", retry "a", unknown field "a", two spaces " a", empty data nothing, unfinished "a" "b"'
