#!/usr/bin/env bash
# Python httpx-sse 0.4.3 delivers an event with empty data for a block that has only an id, only a retry time or only an event name,
# as servers send them to set a position or as a keep-alive. launchdarkly-eventsource 1.7.4 delivers the one event with data.
# Guess: no event, as the specification demands for an empty data buffer.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install httpx-sse==0.4.3 httpx==0.28.1 launchdarkly-eventsource==1.7.4

python3 - <<'PY' | expect "httpx-sse: [('message', ''), ('message', ''), ('ping', ''), ('message', 'a')]
launchdarkly-eventsource: [('message', 'a')]"
import httpx
from httpx_sse import EventSource
from ld_eventsource.reader import _BufferedLineReader, _SSEReader

stream = b"id: 7\n\nretry: 1000\n\nevent: ping\n\ndata: a\n\n"
response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
print("httpx-sse:", [(event.event, event.data) for event in EventSource(response).iter_sse()])
events = _SSEReader(_BufferedLineReader.lines_from([stream])).events_and_comments
print("launchdarkly-eventsource:", [(event.event, event.data) for event in events()])
PY
