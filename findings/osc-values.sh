#!/usr/bin/env bash
# Libraries of Open Sound Control write other values without an error. npm osc 2.4.5 makes every number a float of 32 bits (16777217 is 16777216,
# 1e300 infinity); npm osc-js 2.4.1 writes whole numbers as integers of 32 bits (2^31 is negative, 2^40 and 1e300 are 0) and texts as Latin-1, which
# it reads as UTF-8; PyPI oscpy 0.6.0 writes True as 1 and bytes as a text that ends at the first zero.
# Guess: an integer, one of 64 bits where it needs them, and a blob, as PyPI python-osc 1.10.2 writes them.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install osc@2.4.5 osc-js@2.4.1
pip_install oscpy==0.6.0 python-osc==1.10.2

cat >run.cjs <<'JS'
const osc = require('osc');
const OSC = require('osc-js');
for (const value of [1, 2 ** 24 + 1, 2 ** 31, 2 ** 40, 1e300, 'grün']) {
  const bytes = osc.writeMessage({ address: '/a', args: [value] });
  console.log('osc', value, Buffer.from(bytes).toString('hex').slice(8), osc.readMessage(bytes).args);
  const packed = new OSC.Message('/a', value).pack();
  const message = new OSC.Message();
  message.unpack(new DataView(packed.buffer, packed.byteOffset, packed.byteLength));
  console.log('osc-js', value, Buffer.from(packed).toString('hex').slice(8), ...message.args);
}
JS
cat >run.py <<'PY'
from oscpy.parser import format_message, read_message
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

for value in [True, b'a\x00b', 2**24 + 1]:
    print('oscpy', value, read_message(format_message(b'/a', [value])[0])[1:3])
for value in [True, b'a\x00b', 2**24 + 1, 2**40]:
    builder = OscMessageBuilder('/a')
    builder.add_arg(value)
    print('python-osc', value, OscMessage(builder.build().dgram).params)
PY
{ node run.cjs; python3 run.py; } | expect 'osc 1 2c6600003f800000 1
osc-js 1 2c69000000000001 1
osc 16777217 2c6600004b800000 16777216
osc-js 16777217 2c69000001000001 16777217
osc 2147483648 2c6600004f000000 2147483648
osc-js 2147483648 2c69000080000000 -2147483648
osc 1099511627776 2c66000053800000 1099511627776
osc-js 1099511627776 2c69000000000000 0
osc 1e+300 2c6600007f800000 Infinity
osc-js 1e+300 2c69000000000000 0
osc grün 2c7300006772c3bc6e000000 grün
osc-js grün 2c7300006772fc6e00000000 gr�n
oscpy True (b'\''i'\'', [1])
oscpy b'\''a\x00b'\'' (b'\''s'\'', [b'\''a'\''])
oscpy 16777217 (b'\''i'\'', [16777217])
python-osc True [True]
python-osc b'\''a\x00b'\'' [b'\''a\x00b'\'']
python-osc 16777217 [16777217]
python-osc 1099511627776 [1099511627776]'
