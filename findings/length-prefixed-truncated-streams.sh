#!/usr/bin/env bash
# Decoders of length-prefixed messages: npm length-prefixed-stream 2.0.0, @vweevers/length-prefixed-stream 1.0.0 and frame-stream
# 4.0.1 end without an error if their input ends within a message. it-length-prefixed 11.0.1 throws one.
# To be expected: an error, as the last message is lost.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install length-prefixed-stream@2.0.0 @vweevers/length-prefixed-stream@1.0.0 frame-stream@4.0.1 it-length-prefixed@11.0.1

cat >run.mjs <<'JS'
import frameStream from 'frame-stream';
import lengthPrefixed from 'length-prefixed-stream';
import vweevers from '@vweevers/length-prefixed-stream';
import { decode } from 'it-length-prefixed';

const cut = (prefix) => [...prefix, 1, 65, ...prefix, 5, 66];
const read = (decoder, bytes) =>
  new Promise((resolve) => {
    const events = [];
    decoder.on('data', (message) => events.push(String(message)));
    decoder.on('error', (error) => resolve([...events, error.message]));
    decoder.on('end', () => resolve([...events, 'end']));
    decoder.end(Buffer.from(bytes));
  });
console.log('length-prefixed-stream:', ...(await read(lengthPrefixed.decode(), cut([]))));
console.log('@vweevers/length-prefixed-stream:', ...(await read(vweevers.decode(), cut([]))));
console.log('frame-stream:', ...(await read(frameStream.decode(), cut([0, 0, 0]))));
const events = [];
try {
  for await (const message of decode([Uint8Array.from(cut([]))])) events.push(Buffer.from(message.subarray()).toString());
} catch (error) {
  events.push(error.message);
}
console.log('it-length-prefixed:', ...events);
JS
node run.mjs | expect "length-prefixed-stream: A end
@vweevers/length-prefixed-stream: A end
frame-stream: A end
it-length-prefixed: A Unexpected end of input"
