#!/usr/bin/env bash
# npm pickleparser 0.2.1 reads negative integers that need more than four bytes of Python's pickle as positive ones: -(2^31) - 1 is
# 1097364144127. 2^62 is rounded without an error, 2^63 is refused.
# Guess: the number, or a BigInt.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install pickleparser@0.2.1

cat >write.py <<'PY'
import pickle

for number in [-1, -129, -(2**31), -(2**31) - 1, -(2**39), -(2**52), 2**40, 2**62, -(2**62), 2**63]:
    print(number, pickle.dumps(number, 2).hex())
PY
cat >read.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Parser } from 'pickleparser';
for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
  const [number, hex] = line.split(' ');
  try {
    console.log(number, hex, new Parser().parse(Buffer.from(hex, 'hex')));
  } catch (error) {
    console.log(number, hex, error.message);
  }
}
JS
{ python3 write.py | node read.mjs; } | expect '-1 80024affffffff2e -1
-129 80024a7fffffff2e -129
-2147483648 80024a000000802e -2147483648
-2147483649 80028a05ffffff7fff2e 1097364144127
-549755813888 80028a0500000000802e 549755813888
-4503599627370496 80028a07000000000000f02e 67553994410557440
1099511627776 80028a060000000000012e 1099511627776
4611686018427387904 80028a0800000000000000402e 4611686018427388000
-4611686018427387904 80028a0800000000000000c02e 13835058055282164000
9223372036854775808 80028a090000000000000080002e Value too large to unpickling'
