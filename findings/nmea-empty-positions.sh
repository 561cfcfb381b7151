#!/usr/bin/env bash
# PyPI pynmea2 1.19.0 gives latitude 0 and longitude 0 for a sentence without a position, as receivers send it until they know where they
# are: a place in the Atlantic. npm nmea-simple 3.3.0 does the same, and gives 0 for an unknown age of corrections.
# Guess: None and null, or NaN.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install nmea-simple@3.3.0
pip_install pynmea2==1.19.0

cat >lines <<'EOF'
GPGLL,,,,,225444,V
GPRMC,225446,V,,,,,,,191194,,
GPGGA,225444,,,,,0,00,99.9,,,,,,
EOF
cat >run.py <<'PY'
import functools

import pynmea2

for line in open('lines').read().split():
    message = pynmea2.parse('$%s*%02X' % (line, functools.reduce(lambda sum, byte: sum ^ byte, line.encode(), 0)))
    print('pynmea2', line, message.latitude, message.longitude)
PY
cat >run.cjs <<'JS'
const { parseNmeaSentence } = require('nmea-simple');
for (const line of require('node:fs').readFileSync('lines', 'utf8').trim().split('\n')) {
  const sum = [...line].reduce((sum, character) => sum ^ character.charCodeAt(0), 0).toString(16).toUpperCase().padStart(2, '0');
  const message = parseNmeaSentence(`$${line}*${sum}`);
  console.log('nmea-simple', line, message.latitude, message.longitude, message.differentialAge);
}
JS
{ python3 run.py; node run.cjs; } | expect 'pynmea2 GPGLL,,,,,225444,V 0.0 0.0
pynmea2 GPRMC,225446,V,,,,,,,191194,, 0.0 0.0
pynmea2 GPGGA,225444,,,,,0,00,99.9,,,,,, 0.0 0.0
nmea-simple GPGLL,,,,,225444,V -0 -0 undefined
nmea-simple GPRMC,225446,V,,,,,,,191194,, -0 -0 undefined
nmea-simple GPGGA,225444,,,,,0,00,99.9,,,,,, -0 -0 0'
