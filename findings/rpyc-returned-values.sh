#!/usr/bin/env bash
# PyPI rpyc 6.0.2: a list that a method returns prints as a list and is an instance of list, but is equal to no list, cannot be added
# to one, and json does not take it; a dict is no mapping. Tuples are copied, and behave as usual.
# Guess: a proxy of a list behaves as one in these respects, or is no instance of list.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install rpyc==6.0.2

cat >run.py <<'PY'
import json
import rpyc

class Pages(rpyc.Service):
    def exposed_list(self):
        return [1, 2]

    def exposed_tuple(self):
        return (1, 2)

    def exposed_dict(self):
        return {"a": 1}

pages = rpyc.connect_thread(remote_service=Pages).root

def attempt(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__

for name, value, same in [("list", pages.list(), [1, 2]), ("tuple", pages.tuple(), (1, 2))]:
    print(f"{name}: {value}, instance {isinstance(value, type(same))}, equal {value == same},",
          f"added {attempt(lambda: same + value)}, JSON {attempt(lambda: json.dumps(value))}")
value = pages.dict()
print(f"dict: {value}, equal {value == {'a': 1}}, copied {attempt(lambda: dict(value))}, JSON {attempt(lambda: json.dumps(value))}")
PY
python3 run.py | expect "list: [1, 2], instance True, equal False, added TypeError, JSON TypeError
tuple: (1, 2), instance True, equal True, added (1, 2, 1, 2), JSON [1, 2]
dict: {'a': 1}, equal False, copied ValueError, JSON TypeError"
