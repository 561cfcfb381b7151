#!/usr/bin/env bash
# npm consistent-hash 1.2.2: unless it is created with distribution 'uniform', a ring is random. Two rings with the same nodes place
# keys differently, so clients do not agree, and a restart moves most keys. consistent-hashing 0.3.0 has no such default.
# Guess: the node of a key depends on the key and the nodes only.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install consistent-hash@1.2.2 consistent-hashing@0.3.0

node - <<'JS' | expect 'consistent-hash: two rings agree on less than half of the keys
consistent-hash, uniform: two rings agree on all keys
consistent-hashing: two rings agree on all keys'
const ConsistentHash = require('consistent-hash');
const ConsistentHashing = require('consistent-hashing');
const nodes = ['10.0.0.1:9000', '10.0.0.2:9000', '10.0.0.3:9000'];
const ring = (options) => {
  const made = new ConsistentHash(options);
  nodes.forEach((node) => made.add(node));
  return (key) => made.get(key);
};
const other = () => {
  const made = new ConsistentHashing(nodes);
  return (key) => made.getNode(key);
};
const keys = Array.from({ length: 1000 }, (_, number) => `user-${number}`);
for (const [name, make] of [
  ['consistent-hash', () => ring()],
  ['consistent-hash, uniform', () => ring({ distribution: 'uniform' })],
  ['consistent-hashing', other],
]) {
  const [first, second] = [make(), make()];
  const same = keys.filter((key) => first(key) === second(key)).length;
  const part = same === keys.length ? 'all' : same < keys.length / 2 ? 'less than half of the' : 'most';
  console.log(`${name}: two rings agree on ${part} keys`);
}
JS
