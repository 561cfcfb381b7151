#!/usr/bin/env bash
# npm hessian.js 2.11.0 writes whole numbers beyond 64 bits as a long that is cut, so that 1e300 arrives as '9223372036854775807'. NaN
# arrives as null, a Uint8Array as a map of its elements, and an object with a member $class as null.
# Guess: a double; NaN; binary data; the object.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install hessian.js@2.11.0

cat >run.cjs <<'JS'
const { inspect } = require('node:util');
const hessian = require('hessian.js');
const describe = (value) => inspect(value, { breakLength: Infinity });
for (const version of ['1.0', '2.0']) {
  for (const value of [1e18, 1e300, 1.5, NaN, new Uint8Array([7]), Buffer.from([7]), { $class: 'a' }]) {
    console.log(version, describe(value), 'arrives as', describe(hessian.decode(hessian.encode(value, version), version)));
  }
}
JS
node run.cjs | expect "1.0 1000000000000000000 arrives as '1000000000000000000'
1.0 1e+300 arrives as '9223372036854775807'
1.0 1.5 arrives as 1.5
1.0 NaN arrives as null
1.0 Uint8Array(1) [ 7 ] arrives as { '0': 7 }
1.0 <Buffer 07> arrives as <Buffer 07>
1.0 { '\$class': 'a' } arrives as null
2.0 1000000000000000000 arrives as '1000000000000000000'
2.0 1e+300 arrives as '9223372036854775807'
2.0 1.5 arrives as 1.5
2.0 NaN arrives as null
2.0 Uint8Array(1) [ 7 ] arrives as { '0': 7 }
2.0 <Buffer 07> arrives as <Buffer 07>
2.0 { '\$class': 'a' } arrives as null"
