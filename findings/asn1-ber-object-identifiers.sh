#!/usr/bin/env bash
# npm asn1-ber 1.2.2, which net-snmp uses, writes the example arc 2.999 as 1.15 (a first byte that overflowed), and arcs above 2^32 - 1 as
# their low 32 bits, without an error.
# Guess: 06 03 88 37 01 for 2.999.1, as X.690 (8.19.4) has it.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install asn1-ber@1.2.2

cat >run.cjs <<'JS'
const { BerReader, BerWriter } = require('asn1-ber');
for (const text of ['1.3.6.1', '2.39.1', '2.47.1', '2.48.1', '2.999.1', '1.3.4294967295', '1.3.4294967296', '2.25.329800735698586629295641978511506172918']) {
  const writer = new BerWriter();
  writer.writeOID(text);
  console.log(text, writer.buffer.toString('hex'), new BerReader(writer.buffer).readOID());
}
JS
node run.cjs | expect '1.3.6.1 06032b0601 1.3.6.1
2.39.1 06027701 2.39.1
2.47.1 06027f01 3.7.1
2.48.1 06028001 0.1
2.999.1 06023701 1.15.1
1.3.4294967295 06062b8fffffff7f 1.3.4294967295
1.3.4294967296 06062b8080808000 1.3.0
2.25.329800735698586629295641978511506172918 0606698080808000 2.25.0'
