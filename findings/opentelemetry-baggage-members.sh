#!/usr/bin/env bash
# W3C baggage members that are allowed: Python's opentelemetry-api 1.45.2 takes the properties of a member for a part of
# its value, and sends them on percent-encoded; @opentelemetry/core 2.12.1 (npm) drops a member whose value is empty.
# Guess: properties are kept apart or left out; an empty value is a value.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @opentelemetry/core@2.12.1 @opentelemetry/api@1.9.1
pip_install opentelemetry-api==1.45.2

cat >run.py <<'PY'
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator

propagator = W3CBaggagePropagator()
for header in ["a=1;ttl=5", "a=,b=2"]:
    context = propagator.extract({"baggage": header})
    sent = {}
    propagator.inject(sent, context)
    print("Python:", header, "->", dict(baggage.get_all(context)), "->", sent["baggage"])
PY
cat >run.js <<'JS'
const { defaultTextMapGetter, defaultTextMapSetter, propagation, ROOT_CONTEXT } = require('@opentelemetry/api');
const { W3CBaggagePropagator } = require('@opentelemetry/core');
const propagator = new W3CBaggagePropagator();
for (const header of ['a=1;ttl=5', 'a=,b=2']) {
  const context = propagator.extract(ROOT_CONTEXT, { baggage: header }, defaultTextMapGetter);
  const sent = {};
  propagator.inject(context, sent, defaultTextMapSetter);
  const values = propagation.getBaggage(context).getAllEntries().map(([key, { value }]) => `${key}: ${value}`);
  console.log('JavaScript:', header, '->', `{${values.join()}}`, '->', sent.baggage);
}
JS
{ python3 run.py && node run.js; } | expect "Python: a=1;ttl=5 -> {'a': '1;ttl=5'} -> a=1%3Bttl%3D5
Python: a=,b=2 -> {'a': '', 'b': '2'} -> a=,b=2
JavaScript: a=1;ttl=5 -> {a: 1} -> a=1;ttl=5
JavaScript: a=,b=2 -> {b: 2} -> b=2"
