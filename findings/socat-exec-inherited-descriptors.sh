#!/usr/bin/env bash
# socat 1.7.4.4: a program started by EXEC: inherits, besides its standard descriptors, the listening socket as descriptor 3 and the
# accepted connection as 4. So the client's connection stays open as long as the program lives, even when socat has ended.
# Guess: descriptors 0 to 2 only.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install socat=1.7.4.4-2

cat >child <<'SH'
#!/bin/sh
for fd in 0 1 3 4; do readlink "/proc/$$/fd/$fd" | sed "s/\[.*//; s/^/$fd /"; done
SH
chmod +x child
timeout 10 socat UNIX-LISTEN:"$work/socket" EXEC:"$work/child" &
while [ ! -S socket ]; do sleep 0.05; done
timeout 10 socat -u UNIX-CONNECT:"$work/socket" - | expect "0 socket:
1 socket:
3 socket:
4 socket:"
