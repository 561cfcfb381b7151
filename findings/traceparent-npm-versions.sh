#!/usr/bin/env bash
# npm traceparent 1.0.0 and a W3C traceparent of a later version: the child is sent with the version number of the parent, though it
# has only the fields of version 00, and a parent with a fifth field is ignored, so that a new trace begins. tctx 0.2.6 continues
# both traces as version 00.
# Guess: the specification's rule, which is to read the four known fields and to send version 00.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install traceparent@1.0.0 tctx@0.2.6

cat >run.mjs <<'JS'
import * as tctx from 'tctx/traceparent';
import TraceParent from 'traceparent';
const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
const show = (name, child) => {
  const [version, id] = String(child).split('-');
  console.log(`${name}: version ${version}, ${id === trace ? 'same trace' : 'new trace'}`);
};
const parents = { 'four fields': `cc-${trace}-${span}-01`, 'five fields': `cc-${trace}-${span}-01-x` };
for (const [text, parent] of Object.entries(parents)) {
  show(`traceparent, ${text}`, TraceParent.startOrResume(parent, { transactionSampleRate: 1 }));
  show(`tctx, ${text}`, tctx.parse(parent).child());
}
JS
node run.mjs | expect 'traceparent, four fields: version cc, same trace
tctx, four fields: version 00, same trace
traceparent, five fields: version 00, new trace
tctx, five fields: version 00, same trace'
