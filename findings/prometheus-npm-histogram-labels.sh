#!/usr/bin/env bash
# npm parse-prometheus-text-format 1.1.1 merges the histograms of all label sets into one: the labels are gone, each bucket has the
# value of the last set, and sum and count are missing. A histogram without labels is read in full.
# Guess: one entry for each label set, as for counters.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install parse-prometheus-text-format@1.1.1

cat >run.mjs <<'JS'
import parse from 'parse-prometheus-text-format';
const histogram = (labels, count) =>
  `h_bucket{${labels}le="1"} ${count}\nh_bucket{${labels}le="+Inf"} ${count}\n` +
  ['sum', 'count'].map((part) => `h_${part}${labels && `{${labels}}`} ${count}\n`).join('');
const show = (text) => console.log(JSON.stringify(parse('# TYPE h histogram\n' + text)[0].metrics));
show(histogram('', 3));
show(histogram('m="a",', 3) + histogram('m="b",', 5));
JS
node run.mjs | expect '[{"buckets":{"1":"3","+Inf":"3"},"count":"3","sum":"3"}]
[{"buckets":{"1":"5","+Inf":"5"}}]'
