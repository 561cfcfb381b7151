#!/usr/bin/env bash
# Hash rings: npm hashring 3.2.0 calls itself compatible with ketama and with Python's hash_ring. PyPI hashring 1.5.1, which uses
# MD5 as well, places 169 of 1000 keys on another node, and uhashring 2.5 places 678 elsewhere unless it is created with
# hash_fn="ketama".
# Guess: the same node for each key, so that clients in both languages share a ring.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install hashring@3.2.0
pip_install hashring==1.5.1 uhashring==2.5

cat >run.js <<'JS'
const HashRing = require('hashring');
const ring = new HashRing(['10.0.0.1:9000', '10.0.0.2:9000', '10.0.0.3:9000']);
console.log(JSON.stringify(Array.from({ length: 1000 }, (_, number) => ring.get(`user-${number}`))));
JS
cat >run.py <<'PY'
import json
import sys
import hashring
import uhashring

nodes = ["10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"]
rings = {
    "hashring": hashring.HashRing(nodes),
    "uhashring": uhashring.HashRing(nodes),
    "uhashring, ketama": uhashring.HashRing(nodes, hash_fn="ketama"),
}
javascript = json.load(sys.stdin)
for name, ring in rings.items():
    same = sum(ring.get_node(f"user-{number}") == node for number, node in enumerate(javascript))
    print(f"{name}: {same} of {len(javascript)} keys on the same node")
PY
node run.js | python3 run.py | expect "hashring: 831 of 1000 keys on the same node
uhashring: 322 of 1000 keys on the same node
uhashring, ketama: 1000 of 1000 keys on the same node"
