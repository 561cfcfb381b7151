#!/usr/bin/env bash
# Headers of STOMP 1.2 messages: npm stompjs 2.3.3 does not read the escape \c, removes spaces, and does not see headers in lines that end
# with CR LF. PyPI coilmq 1.1.0 fails at a value with two colons, which STOMP 1.0 allows, and keeps the last of repeated headers,
# where STOMP keeps the first. stomp.py 9.0.0 and npm stompit 1.0.0 read all of them.
# Guess: every header is read as STOMP 1.2 says, and the broker reads the frames of its version.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install stompjs@2.3.3 stompit@1.0.0
pip_install stomp.py==9.0.0 coilmq==1.1.0

cat >run.cjs <<'JS'
const { IncomingFrameStream } = require('stompit');
const { Frame } = require('stompjs');
const show = (value) => JSON.stringify(value) ?? 'missing';
const stompit = (text) => new Promise((resolve) => {
  const stream = new IncomingFrameStream();
  stream.setVersion('1.2');
  stream.on('readable', () => {
    const frame = stream.read();
    if (frame) resolve(frame.headers.a);
  });
  stream.write(text);
});
(async () => {
  for (const text of ['a:b\\cc', 'a: b ', 'a:1\na:2', 'a:http://b:1', 'a:1\r']) {
    const end = text.endsWith('\r') ? '\r\n' : '\n';
    const frame = `MESSAGE${end}${text.replace('\r', '')}${end}${end}hi\0`;
    const result = Frame.unmarshall(frame);
    console.log(show(text), 'stompjs', show(result[0].headers.a), 'stompit', show(await stompit(frame)));
  }
})();
JS
cat >run.py <<'PY'
import json
from coilmq.util.frames import FrameBuffer
from stomp.utils import parse_frame

def coilmq(frame):
    buffer = FrameBuffer()
    buffer.append(frame)
    return buffer.extract_frame().headers["a"]

def stomp(frame):
    return parse_frame(frame[:-1]).headers["a"]

for text in ("a:b\\cc", "a: b ", "a:1\na:2", "a:http://b:1"):
    frame = f"MESSAGE\n{text}\n\nhi\0".encode()
    for name, read in (("coilmq", coilmq), ("stomp.py", stomp)):
        try:
            print(json.dumps(text), name, json.dumps(read(frame)))
        except ValueError:
            print(json.dumps(text), name, "ValueError")
PY
{ node run.cjs && python3 run.py; } | expect '"a:b\\cc" stompjs "b\\cc" stompit "b:c"
"a: b " stompjs "b" stompit " b "
"a:1\na:2" stompjs "1" stompit "1"
"a:http://b:1" stompjs "http://b:1" stompit "http://b:1"
"a:1\r" stompjs missing stompit "1"
"a:b\\cc" coilmq "b\\cc"
"a:b\\cc" stomp.py "b:c"
"a: b " coilmq " b"
"a: b " stomp.py " b "
"a:1\na:2" coilmq "2"
"a:1\na:2" stomp.py "1"
"a:http://b:1" coilmq ValueError
"a:http://b:1" stomp.py "http://b:1"'
