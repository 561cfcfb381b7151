#!/usr/bin/env bash
# FlexBuffers: the module of npm flatbuffers 25.9.23 does not read a list of four or more numbers that it writes if the list is the
# whole value; Python reads it. It writes lists of floats of several widths wrongly, and a Map as an empty map. PyPI flatbuffers
# 25.12.19 refuses integers from 2^63 on, large floats and keys that are not ASCII.
# Guess: the lists; the entries; all three, as FlexBuffers has types for them.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install flatbuffers@25.9.23
pip_install flatbuffers==25.12.19

cat >run.js <<'JS'
const { encode, toObject } = require('flatbuffers/js/flexbuffers.js');
for (const value of [[1, 2, 3], [1, 2, 3, 4], [0.5, 0.5, 0.1], { a: new Map([['b', 1]]) }]) {
  const bytes = Uint8Array.from(encode(value));
  let read;
  try {
    read = JSON.stringify(toObject(bytes.buffer));
  } catch (error) {
    read = error.constructor.name;
  }
  console.log(`${Buffer.from(bytes).toString('hex')} JavaScript ${read}`);
}
JS
cat >run.py <<'PY'
import sys
from flatbuffers import flexbuffers

for line in sys.stdin:
    print(line.strip(), "Python", flexbuffers.Loads(bytes.fromhex(line.split()[0])))
for value in (2**63 - 1, 2**63, 1e30, 1e300, {"\u00e9": 1}):
    try:
        print(ascii(value), flexbuffers.Dumps(value).hex())
    except (ValueError, OverflowError) as error:
        print(ascii(value), type(error).__name__)
PY
node run.js | python3 run.py | expect "010203034c01 JavaScript [1,2,3] Python [1, 2, 3]
01020304045801 JavaScript RangeError Python [1, 2, 3, 4]
0000003f000000000000003f000000009a9999999999b93f185701 JavaScript [5.222099017e-315,5.222099017e-315,0.1] Python [5.222099017e-315, 5.222099017e-315, 0.1]
61000000010001070101010524022401 JavaScript {\"a\":{}} Python {'a': {}}
9223372036854775807 ffffffffffffff7f0708
9223372036854775808 ValueError
1e+30 ea8ca039593e29460f08
1e+300 OverflowError
{'\xe9': 1} UnicodeEncodeError"
