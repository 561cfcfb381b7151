#!/usr/bin/env bash
# systemd-socket-activate 252: without --fdname it leaves LISTEN_FDNAMES unset, also with --accept, where the service manager sets
# "connection". With --inetd it unsets LISTEN_FDS and LISTEN_PID, too, so that a program cannot tell from them that it was activated.
# Guess: LISTEN_FDNAMES is "unknown" for a listener and "connection" for an accepted connection.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install systemd=252.39-1~deb12u2 socat=1.7.4.4-2

cat >child <<'SH'
#!/bin/sh
echo "fds=${LISTEN_FDS-unset} names=${LISTEN_FDNAMES-unset}" >"$OUT"
SH
chmod +x child
for options in "" "--accept" "--accept --inetd"; do
    rm -f socket out
    timeout 10 systemd-socket-activate --listen "$work/socket" --setenv OUT="$work/out" $options "$work/child" 2>/dev/null &
    while [ ! -S socket ]; do sleep 0.05; done
    timeout 2 socat -u OPEN:/dev/null UNIX-CONNECT:"$work/socket"
    while [ ! -s out ]; do sleep 0.05; done
    kill %% 2>/dev/null || true
    wait %% 2>/dev/null || true
    echo "[$options] $(cat out)"
done | expect "[] fds=1 names=unset
[--accept] fds=1 names=unset
[--accept --inetd] fds=unset names=unset"
