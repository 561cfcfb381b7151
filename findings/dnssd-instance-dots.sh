#!/usr/bin/env bash
# Names of service instances with a dot, which is an ordinary character of a DNS label ("Dr. Who"): npm dns-packet 5.6.1 (of
# multicast-dns) and Python's zeroconf 0.154.0 read the one label without an escape, and write it back as two. So a service that
# another implementation announced is found, and the query for its address goes to another name. A backslash is no escape.
# Guess: the dot is escaped in names that are read, and an escaped dot is written as a part of the label.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install dns-packet@5.6.1
pip_install zeroconf==0.154.0

# A PTR answer as another implementation sends it: "_chat._tcp.local" points to the labels "Dr. Who", "_chat", "_tcp", "local".
printf '\0\0\204\0\0\0\0\1\0\0\0\0\5_chat\4_tcp\5local\0\0\14\0\1\0\0\0\74\0\32\7Dr. Who\5_chat\4_tcp\5local\0' >answer
cat >run.js <<'JS'
const packet = require('dns-packet');
const labels = (name) => JSON.stringify(packet.name.encode(name).toString().replace(/[\0-\x1f]/g, '|'));
const name = packet.decode(require('fs').readFileSync('answer')).answers[0].data;
console.log('dns-packet reads', name, 'and writes', labels(name));
console.log('dns-packet writes the escaped dot as', labels('Dr\\. Who.local'));
JS
cat >run.py <<'PY'
import json, re
from zeroconf import DNSIncoming, DNSOutgoing, DNSQuestion

name = DNSIncoming(open("answer", "rb").read()).answers()[0].alias
query = DNSOutgoing(0)
query.add_question(DNSQuestion(name, 33, 1))
written = query.packets()[0][12:-4].decode()
print("zeroconf reads", name, "and writes", json.dumps(re.sub(r"[\0-\x1f]", "|", written)))
PY
{ node run.js && python3 run.py; } | expect 'dns-packet reads Dr. Who._chat._tcp.local and writes "|Dr| Who|_chat|_tcp|local|"
dns-packet writes the escaped dot as "|Dr\\| Who|local|"
zeroconf reads Dr. Who._chat._tcp.local. and writes "|Dr| Who|_chat|_tcp|local|"'
