#!/usr/bin/env bash
# Bodies of D-Bus messages in Python: a struct must be a tuple for jeepney 0.9.0 and a list for dbus-next 0.2.3. dbus-fast 5.2.0, which is
# made from dbus-next, reads structs as tuples, where that one reads lists. dbus-fast sends the first value of a body that has more
# than its signature, and text as an array of its characters; the others refuse both.
# Guess: tuples and lists are structs for all, and read alike by the last two; an error for a wrong body.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install jeepney==0.9.0 dbus-next==0.2.3 dbus-fast==5.2.0

cat >run.py <<'PY'
import io
import dbus_fast
import dbus_next
import jeepney
from dbus_fast._private.unmarshaller import Unmarshaller as FastReader
from dbus_next._private.unmarshaller import Unmarshaller as NextReader
from jeepney.low_level import Parser

ADDRESS = dict(destination="org.example", path="/a", interface="org.example", member="M", serial=1)

def with_jeepney(signature, body):
    message = jeepney.new_method_call(jeepney.DBusAddress("/a", "org.example", "org.example"), "M", signature, tuple(body))
    return list(Parser().feed(message.serialise(serial=1))[0].body)

def with_next(signature, body):
    message = dbus_next.Message(signature=signature, body=body, **ADDRESS)
    return NextReader(io.BytesIO(message._marshall())).unmarshall().body

def with_fast(signature, body):
    message = dbus_fast.Message(signature=signature, body=body, **ADDRESS)
    return FastReader(io.BytesIO(bytes(message._marshall(False)))).unmarshall().body

for signature, body in (("(is)", [(1, "a")]), ("(is)", [[1, "a"]]), ("i", [1, 2]), ("as", ["ab"])):
    for name, call in (("jeepney", with_jeepney), ("dbus-next", with_next), ("dbus-fast", with_fast)):
        try:
            print(signature, body, f"{name}:", call(signature, body))
        except Exception:
            print(signature, body, f"{name}:", "refused")
PY
python3 run.py | expect "(is) [(1, 'a')] jeepney: [(1, 'a')]
(is) [(1, 'a')] dbus-next: refused
(is) [(1, 'a')] dbus-fast: [(1, 'a')]
(is) [[1, 'a']] jeepney: refused
(is) [[1, 'a']] dbus-next: [[1, 'a']]
(is) [[1, 'a']] dbus-fast: [(1, 'a')]
i [1, 2] jeepney: refused
i [1, 2] dbus-next: refused
i [1, 2] dbus-fast: [1]
as ['ab'] jeepney: refused
as ['ab'] dbus-next: refused
as ['ab'] dbus-fast: [['a', 'b']]"
