#!/usr/bin/env bash
# npm prom2javascript 0.2.0 refuses a page of Prometheus text for a value of NaN (which every summary without observations has)
# or -Inf, or for a name with a colon (a recording rule). It undoes escapes in the wrong order: a backslash followed by the letter n
# becomes a line break.
# Guess: the values that the format lists are read, and escapes are undone from left to right.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install prom2javascript@0.2.0

node - <<'JS' | expect 's{quantile="0.5"} NaN: Unable to parse metric
a -Inf: Unable to parse metric
a +Inf: Infinity {}
job:requests:rate5m 1: Unable to parse metric
a{path="c:\\new"} 1: 1 {"path":"c:\new"}'
const { getMetricsFromIterator } = require('prom2javascript');
(async () => {
  for (const line of ['s{quantile="0.5"} NaN', 'a -Inf', 'a +Inf', 'job:requests:rate5m 1', 'a{path="c:\\\\new"} 1']) {
    try {
      const { value, labels } = (await getMetricsFromIterator([line].values())).a.data[0];
      console.log(`${line}:`, value, JSON.stringify(labels));
    } catch (error) {
      console.log(`${line}:`, error.message.split(' [')[0]);
    }
  }
})();
JS
