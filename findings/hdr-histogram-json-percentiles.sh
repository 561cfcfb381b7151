#!/usr/bin/env bash
# npm hdr-histogram-js 3.0.1: the percentiles in a histogram's JSON (and in its toString) are cut to as many decimal digits as the
# histogram has precision, always downwards. With two digits, three calls of 1999 have a p50 of 1900, below their mean.
# Guess: the value of getValueAtPercentile(50), within the 1 % that two digits promise.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install hdr-histogram-js@3.0.1

node - <<'JS' | expect '1 digit(s): getValueAtPercentile 2047, JSON 2000, mean 2016
2 digit(s): getValueAtPercentile 1999, JSON 1900, mean 1996
3 digit(s): getValueAtPercentile 1999, JSON 1990, mean 1999'
const { build } = require('hdr-histogram-js');
for (const numberOfSignificantValueDigits of [1, 2, 3]) {
  const histogram = build({ numberOfSignificantValueDigits });
  for (let i = 0; i < 3; i++) histogram.recordValue(1999);
  const { p50 } = JSON.parse(JSON.stringify(histogram));
  const exact = histogram.getValueAtPercentile(50);
  console.log(`${numberOfSignificantValueDigits} digit(s): getValueAtPercentile ${exact}, JSON ${p50}, mean ${histogram.mean}`);
}
JS
