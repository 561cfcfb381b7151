#!/usr/bin/env bash
# Topic filters of MQTT: in npm mqtt-pattern 2.1.1 a plus sign does not match an empty level, and a named # does not match the
# level above, which # without a name does. mqtt-match 3.0.0 follows the specification (MQTT 5.0, 4.7.1).
# Guess: both are as in the specification, with or without names.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install mqtt-pattern@2.1.1 mqtt-match@3.0.0

node - <<'JS' | expect "a/+ a/: mqtt-pattern false, mqtt-match true
+/+ /a: mqtt-pattern false, mqtt-match true
a/+/b a//b: mqtt-pattern false, mqtt-match true
a/# a: mqtt-pattern true, mqtt-match true
a/#rest a: mqtt-pattern false
a/#rest a/b: mqtt-pattern true"
const pattern = require('mqtt-pattern');
const match = require('mqtt-match');
for (const [filter, topic] of [['a/+', 'a/'], ['+/+', '/a'], ['a/+/b', 'a//b'], ['a/#', 'a']])
  console.log(`${filter} ${topic}: mqtt-pattern ${pattern.matches(filter, topic)}, mqtt-match ${match(filter, topic)}`);
for (const topic of ['a', 'a/b']) console.log(`a/#rest ${topic}: mqtt-pattern ${pattern.matches('a/#rest', topic)}`);
JS
