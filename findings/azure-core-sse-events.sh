#!/usr/bin/env bash
# npm @azure/core-sse 2.4.0: the name of an event without data stays and is given to the next event, which has none; an event whose
# only line is "data" without a colon is dropped; of two empty data lines one line break is lost; and a retry time that is no number
# is read up to the first letter. eventsource-parser 3.1.1 does what the specification says.
# Guess: the specification's rules.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @azure/core-sse@2.4.0 eventsource-parser@3.1.1

cat >run.mjs <<'JS'
import { createSseStream } from '@azure/core-sse';
import { createParser } from 'eventsource-parser';
for (const text of ['event: x\n\ndata: a\n\n', 'data\n\n', 'data:\ndata:\n\n', 'retry: 10s\ndata: a\n\n']) {
  const azure = [];
  const show = ({ event, data, retry }) => `${event || 'message'} ${JSON.stringify(data)}${retry ? ` retry ${retry}` : ''}`;
  for await (const event of createSseStream(new Blob([text]).stream())) azure.push(show(event));
  const other = [];
  const parser = createParser({ onEvent: (event) => other.push(show(event)) });
  parser.feed(text);
  console.log(JSON.stringify(text), '-> azure:', azure.join() || 'none', '| parser:', other.join() || 'none');
}
JS
node run.mjs | expect '"event: x\n\ndata: a\n\n" -> azure: x "a" | parser: message "a"
"data\n\n" -> azure: none | parser: message ""
"data:\ndata:\n\n" -> azure: message "" | parser: message "\n"
"retry: 10s\ndata: a\n\n" -> azure: message "a" retry 10 | parser: message "a"'
