#!/usr/bin/env bash
# npm logfmt 1.4.0 drops a second equals sign of a value (m=a=b is ab) and the backslash of an escape (l="x\ny" is xny). PyPI logfmt 0.4 reads
# m=a=b as two keys, loses a value with the escape and all that follows on its line, and takes `f=` for true, which the other takes for null.
# Both write a line feed of a value as it is, so that one event is two lines of the log.
# Guess: a=b, a line feed in both directions, and an empty text. PyPI logfmter 0.0.12 writes `"x\ny"`.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install logfmt@1.4.0
pip_install logfmt==0.4 logfmter==0.0.12

cat >run.cjs <<'JS'
const logfmt = require('logfmt');
for (const line of ['m=a=b', 'l="x\\ny" n=1', 'f= n=1', 'c n=1']) console.log('npm', line, JSON.stringify(logfmt.parse(line)));
console.log('npm', JSON.stringify(logfmt.stringify({ k: 'x\ny', n: 1 })));
JS
cat >run.py <<'PY'
import io

import logfmt
import logfmter

for line in ['m=a=b', 'l="x\\ny" n=1', 'f= n=1', 'c n=1']:
    print('PyPI', line, list(logfmt.parse(io.StringIO(line + '\n'))))
print('PyPI', list(logfmt.format({'k': 'x\ny', 'n': 1})))
print('logfmter', logfmter.Logfmter.format_value('x\ny'))
PY
{ node run.cjs; python3 run.py; } | expect 'npm m=a=b {"m":"ab"}
npm l="x\ny" n=1 {"l":"xny","n":"1"}
npm f= n=1 {"f":null,"n":"1"}
npm c n=1 {"c":true,"n":"1"}
npm "k=x\ny n=1"
PyPI m=a=b [{'\''m'\'': '\''a'\'', '\''b'\'': True}]
PyPI l="x\ny" n=1 [{'\''l'\'': True}]
PyPI f= n=1 [{'\''f'\'': True, '\''n'\'': '\''1'\''}]
PyPI c n=1 [{'\''c'\'': True, '\''n'\'': '\''1'\''}]
PyPI ['\''k="x\ny" n=1'\'']
logfmter "x\ny"'
