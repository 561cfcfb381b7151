#!/usr/bin/env bash
# npm sdp-transform 3.0.0 cannot write what it read from a media line with a number of ports, as in 5004/2: the line becomes
# "m=undefined NaN undefined". A line with a key (k=) is dropped.
# Guess: both lines are written as they were read.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install sdp-transform@3.0.0

cat >run.mjs <<'JS'
import { parse, write } from 'sdp-transform';
const session = 'v=0\r\no=- 1 0 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n';
for (const line of ['m=audio 5004 RTP/AVP 0', 'm=audio 5004/2 RTP/AVP 0', 'k=prompt']) {
  console.log(`${line}:`, JSON.stringify(write(parse(`${session}${line}\r\n`)).slice(session.length).trim()));
}
JS
node run.mjs | expect 'm=audio 5004 RTP/AVP 0: "m=audio 5004 RTP/AVP 0"
m=audio 5004/2 RTP/AVP 0: "m=undefined NaN undefined"
k=prompt: ""'
