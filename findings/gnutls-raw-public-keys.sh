#!/usr/bin/env bash
# gnutls-cli 3.7.9 and a server with a raw public key (RFC 7250, as gnutls-serv offers it): --tofu and --strict-tofu do not apply
# to the key, and the connection fails as a failed PKI verification; --insecure connects. --save-cert writes the key, a
# SubjectPublicKeyInfo, between "BEGIN CERTIFICATE" lines, so that no tool reads the file: `openssl pkey` reads it once the words
# are changed.
# Guess: the key is trusted on first use, and saved as "BEGIN PUBLIC KEY".
source "$(dirname "$(realpath "$0")")/lib.sh"
version=3.7.9-2+deb12u7
deb_install gnutls-bin=$version libgnutls30=$version libgnutls-dane0=$version libunbound8=1.17.1-2+deb12u4 \
    libevent-2.1-7=2.1.12-stable-8+deb12u1

export HOME=$work
priority=NORMAL:-VERS-ALL:+VERS-TLS1.3:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK
certtool --generate-privkey --key-type=ed25519 --outfile key.pem >/dev/null 2>&1
openssl pkey -in key.pem -pubout -out key.pub
port=$((20000 + RANDOM % 20000))
timeout 60 gnutls-serv --port $port --priority $priority --rawpkfile key.pub --rawpkkeyfile key.pem --echo >serv.log 2>&1 &
while ! grep -q "listening on" serv.log 2>/dev/null; do sleep 0.1; done

try() {
    if echo y | timeout 10 gnutls-cli --port $port --priority $priority "$@" localhost >client.log 2>&1; then
        echo "$1: connects"
    else
        echo "$1: $(grep -o 'PKI verification of server certificate failed' client.log)"
    fi
}
{
    try --tofu
    try --strict-tofu
    try --insecure --save-cert=saved.pem
    head -n 1 saved.pem
    openssl x509 -in saved.pem -noout 2>/dev/null || echo "not a certificate"
    sed 's/CERTIFICATE/PUBLIC KEY/' saved.pem | openssl pkey -pubin -noout && echo "a public key"
} | expect "--tofu: PKI verification of server certificate failed
--strict-tofu: PKI verification of server certificate failed
--insecure: connects
-----BEGIN CERTIFICATE-----
not a certificate
a public key"
kill %1 2>/dev/null || true
