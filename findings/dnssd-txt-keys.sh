#!/usr/bin/env bash
# TXT records of DNS service discovery between languages: {"tls": true} is published by npm dns-txt 2.0.2 as the key alone, as RFC
# 6763 has it, and by Python's zeroconf 0.154.0 as the text "tls=True". Of two entries that differ in case only, dns-txt keeps the
# first, as the RFC says, under a lower-case key, and zeroconf keeps both.
# Guess: the key alone for True, and keys without regard to case.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install dns-txt@2.0.2
pip_install zeroconf==0.154.0

cat >run.js <<'JS'
const txt = require('dns-txt')({ binary: false });
console.log('dns-txt writes', JSON.stringify(txt.encode({ tls: true }).toString()));
console.log('dns-txt reads', JSON.stringify(txt.decode(Buffer.from('\x04Id=1\x04id=2'))));
JS
cat >run.py <<'PY'
import json
from zeroconf import ServiceInfo

def info(properties):
    return ServiceInfo("_chat._tcp.local.", "a._chat._tcp.local.", port=1, properties=properties)

print("zeroconf writes", json.dumps(info({"tls": True}).text.decode()))
print("zeroconf reads", json.dumps(info(b"\x04Id=1\x04id=2").decoded_properties, separators=(",", ":")))
PY
{ node run.js && python3 run.py; } | expect 'dns-txt writes "\u0003tls"
dns-txt reads {"id":"1"}
zeroconf writes "\btls=True"
zeroconf reads {"Id":"1","id":"2"}'
