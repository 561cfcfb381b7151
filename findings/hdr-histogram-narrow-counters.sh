#!/usr/bin/env bash
# npm hdr-histogram-js 3.0.1 with counters of 8 or 16 bits (bitBucketSize): a counter that is full starts again at zero without an
# error. After 256 calls of 5 µs and one of 9 µs the 8-bit histogram's median is 0, and its mean cannot be computed.
# Guess: an exception that says that the counter is full, as the Java implementation throws.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install hdr-histogram-js@3.0.1

node - <<'JS' | expect '8: total 257, p50 0, mean fails
16: total 65537, p50 0, mean fails
32: total 65537, p50 5, mean 5
packed: total 65537, p50 5, mean 5'
const { build } = require('hdr-histogram-js');
for (const [bitBucketSize, calls] of [[8, 256], [16, 65536], [32, 65536], ['packed', 65536]]) {
  const histogram = build({ bitBucketSize });
  for (let i = 0; i < calls; i++) histogram.recordValue(5);
  histogram.recordValue(9);
  let mean = 'fails';
  try { mean = Math.round(histogram.mean); } catch { }
  console.log(`${bitBucketSize}: total ${histogram.totalCount}, p50 ${histogram.getValueAtPercentile(50)}, mean ${mean}`);
}
JS
