#!/usr/bin/env bash
# npm cayenne-lpp 1.0.2 and PyPI pycayennelpp 2.4.0 cut values off instead of rounding them: an analog value of -0.57, which the format
# holds exactly, is written as -0.56, and 0.29 as 0.28, because 0.57 * 100 is a little less than 57.
# Guess: the value.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install cayenne-lpp@1.0.2
pip_install pycayennelpp==2.4.0

cat >run.cjs <<'JS'
const { encoder, decoder } = require('cayenne-lpp');
for (const value of [0.25, 0.29, -0.57, 1.15, 8.2]) {
  const bytes = Buffer.from(encoder.encodeAnalogInput(3, value));
  console.log('npm', value, bytes.toString('hex'), decoder.decode(bytes)[0].analog_input_3);
}
JS
cat >run.py <<'PY'
from cayennelpp import LppFrame

for value in [0.25, 0.29, -0.57, 1.15, 8.2]:
    frame = LppFrame()
    frame.add_analog_input(3, value)
    data = bytes(frame)
    print('PyPI', value, data.hex(), LppFrame.from_bytes(data).data[0].value)
PY
{ node run.cjs; python3 run.py; } | expect 'npm 0.25 03020019 0.25
npm 0.29 0302001c 0.28
npm -0.57 0302ffc8 -0.56
npm 1.15 03020072 1.14
npm 8.2 03020333 8.19
PyPI 0.25 03020019 (0.25,)
PyPI 0.29 0302001c (0.28,)
PyPI -0.57 0302ffc8 (-0.56,)
PyPI 1.15 03020072 (1.14,)
PyPI 8.2 03020333 (8.19,)'
