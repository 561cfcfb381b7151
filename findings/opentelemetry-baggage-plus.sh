#!/usr/bin/env bash
# W3C baggage between languages: Python's opentelemetry-api 1.45.2 sends a space as "+" and reads "+" as a space, as forms do. The
# header has percent encoding only, so @opentelemetry/core 2.12.1 (npm) reads another value than Python sent; and a "+" that a third
# sender leaves as it is arrives in Python as a space.
# Guess: a space travels as %20, and a plus sign stays one.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @opentelemetry/core@2.12.1 @opentelemetry/api@1.9.1
pip_install opentelemetry-api==1.45.2

cat >run.py <<'PY'
import sys
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator

propagator = W3CBaggagePropagator()
if sys.argv[1] == "send":
    sent = {}
    propagator.inject(sent, baggage.set_baggage("k", "a b"))
    print(sent["baggage"])
else:
    print(repr(baggage.get_baggage("k", propagator.extract({"baggage": sys.argv[2]}))))
PY
cat >run.js <<'JS'
const { defaultTextMapGetter, propagation, ROOT_CONTEXT } = require('@opentelemetry/api');
const { W3CBaggagePropagator } = require('@opentelemetry/core');
const context = new W3CBaggagePropagator().extract(ROOT_CONTEXT, { baggage: process.argv[2] }, defaultTextMapGetter);
console.log(`'${propagation.getBaggage(context).getEntry('k').value}'`);
JS
{
    sent=$(python3 run.py send)
    echo "Python sends 'a b' as $sent"
    echo "JavaScript reads that as $(node run.js "$sent")"
    echo "Python reads k=1+1 as $(python3 run.py read k=1+1)"
} | expect "Python sends 'a b' as k=a+b
JavaScript reads that as 'a+b'
Python reads k=1+1 as '1 1'"
