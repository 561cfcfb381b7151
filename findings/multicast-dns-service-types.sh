#!/usr/bin/env bash
# npm multicast-dns-service-types 1.1.0: a subtype in the form of RFC 6763, "_color._sub._ipp._tcp", is read as the service "color"
# of the protocol "sub"; a subtype is written after the protocol, where no browser looks; and the domain "local" becomes a subtype.
# Guess: name "ipp", protocol "tcp", subtype "color", in both directions, and the domain is left out.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install multicast-dns-service-types@1.1.0

node - <<'JS' | expect '_color._sub._ipp._tcp -> {"name":"color","protocol":"sub","subtypes":["ipp","tcp"]}
_ipp._tcp.local -> {"name":"ipp","protocol":"tcp","subtypes":["local"]}
ipp, tcp and color -> _ipp._tcp._color'
const types = require('multicast-dns-service-types');
for (const text of ['_color._sub._ipp._tcp', '_ipp._tcp.local']) console.log(text, '->', JSON.stringify(types.parse(text)));
console.log('ipp, tcp and color ->', types.stringify({ name: 'ipp', protocol: 'tcp', subtypes: ['color'] }));
JS
