#!/usr/bin/env bash
# Floats that PHP serializes as `d:INF;`, `d:NAN;` and `d:-0;` cannot be read by npm php-serialize 5.1.3 (an error about BigInt, and -0 is
# the BigInt 0n); npm phpunserialize 1.3.0 reads infinity as NaN; PyPI phpserialize 1.3 writes `d:inf;` in lower case.
# References (`R:2;`), which PHP writes for a value that occurs twice, are refused by the first.
# Guess: infinity, NaN and -0 in both directions.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install php-serialize@5.1.3 phpunserialize@1.3.0
pip_install phpserialize==1.3

cat >run.cjs <<'JS'
const readers = { 'php-serialize': require('php-serialize').unserialize, phpunserialize: require('phpunserialize') };
for (const [name, read] of Object.entries(readers)) {
  for (const text of ['d:0.5;', 'd:INF;', 'd:NAN;', 'd:-0;', 'a:2:{i:0;a:1:{i:0;i:1;}i:1;R:2;}']) {
    try {
      console.log(name, text, read(text));
    } catch (error) {
      console.log(name, text, error.message);
    }
  }
}
JS
cat >run.py <<'PY'
import phpserialize
print('phpserialize', phpserialize.dumps(float('inf')), phpserialize.dumps(-float('inf')), phpserialize.dumps(float('nan')))
PY
{ node run.cjs; python3 run.py; } | expect 'php-serialize d:0.5; 0.5
php-serialize d:INF; Cannot convert INF to a BigInt
php-serialize d:NAN; Cannot convert NAN to a BigInt
php-serialize d:-0; 0n
php-serialize a:2:{i:0;a:1:{i:0;i:1;}i:1;R:2;} Unknown type at index 29 while unserializing payload
phpunserialize d:0.5; 0.5
phpunserialize d:INF; NaN
phpunserialize d:NAN; NaN
phpunserialize d:-0; -0
phpunserialize a:2:{i:0;a:1:{i:0;i:1;}i:1;R:2;} [ [ 1 ], [ 1 ] ]
phpserialize b'\''d:inf;'\'' b'\''d:-inf;'\'' b'\''d:nan;'\'''
