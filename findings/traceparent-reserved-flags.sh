#!/usr/bin/env bash
# A W3C traceparent of a later version with the flag 08, which version 00 does not define: npm @opentelemetry/core 2.12.1 and tctx
# 0.2.6 and Python's opentelemetry-api 1.45.2 send the child as version 00 with that flag still set.
# Guess: flags that the sender does not know are sent as zero, as the specification demands.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @opentelemetry/core@2.12.1 @opentelemetry/api@1.9.1 tctx@0.2.6
pip_install opentelemetry-api==1.45.2

cat >run.mjs <<'JS'
import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { parse } from 'tctx/traceparent';
const traceparent = 'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09';
const show = (name, sent) => console.log(`${name}: version ${sent.slice(0, 2)} flags ${sent.slice(-2)}`);
const sent = {};
const propagator = new W3CTraceContextPropagator();
propagator.inject(propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter), sent, defaultTextMapSetter);
show('@opentelemetry/core', sent.traceparent);
show('tctx', String(parse(traceparent).child()));
JS
cat >run.py <<'PY'
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

propagator = TraceContextTextMapPropagator()
sent = {}
received = {"traceparent": "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09"}
propagator.inject(sent, propagator.extract(received))
print(f"opentelemetry-api: version {sent['traceparent'][:2]} flags {sent['traceparent'][-2:]}")
PY
{ node run.mjs && python3 run.py; } | expect '@opentelemetry/core: version 00 flags 09
tctx: version 00 flags 09
opentelemetry-api: version 00 flags 09'
