#!/usr/bin/env bash
# PyPI serpent 1.43, which Pyro5 sends values with: an empty set arrives as an empty tuple, NaN as a dict, a frozenset as a set, and a
# Decimal as text. None as a key is refused.
# Guess: an empty set; NaN; errors for types that it does not have.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install serpent==1.43

cat >run.py <<'PY'
from decimal import Decimal
import serpent

for value in ({1}, set(), (), float("inf"), float("nan"), frozenset({1}), Decimal("1.50"), {None: 1}):
    try:
        print(f"{value!r} arrives as", repr(serpent.loads(serpent.dumps(value))))
    except TypeError:
        print(f"{value!r}: TypeError")
PY
python3 run.py | expect "{1} arrives as {1}
set() arrives as ()
() arrives as ()
inf arrives as inf
nan arrives as {'__class__': 'float', 'value': 'nan'}
frozenset({1}) arrives as {1}
Decimal('1.50') arrives as '1.50'
{None: 1}: TypeError"
