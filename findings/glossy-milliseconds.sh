#!/usr/bin/env bash
# npm glossy 0.1.7 writes the milliseconds of RFC 5424's time without leading zeros: 5 ms are .05, which is 50 ms, and 50 ms are .50. Messages
# of one second are in another order for their reader than they were sent.
# Guess: .005.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install glossy@0.1.7

cat >run.cjs <<'JS'
const { Parse, Produce } = require('glossy');
const producer = new Produce({ type: 'RFC5424' });
for (const milliseconds of [0, 5, 50, 60, 500]) {
  const fields = { facility: 'user', severity: 'info', host: 'h', appName: 'a', pid: '1', message: 'm' };
  const line = producer.produce({ ...fields, date: new Date(milliseconds) }).toString();
  console.log(milliseconds, line, Parse.parse(line).time.getTime());
}
JS
node run.cjs | expect '0 <14>1 1970-01-01T00:00:00.00Z h a 1 - - m 0
5 <14>1 1970-01-01T00:00:00.05Z h a 1 - - m 50
50 <14>1 1970-01-01T00:00:00.50Z h a 1 - - m 500
60 <14>1 1970-01-01T00:00:00.60Z h a 1 - - m 600
500 <14>1 1970-01-01T00:00:00.500Z h a 1 - - m 500'
