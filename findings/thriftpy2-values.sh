#!/usr/bin/env bash
# PyPI thriftpy2 0.7.1 reads a set as a list. It writes 1.5 as the integer 1, except with the compact protocol. With JSON it writes bytes as
# the text of Python's notation for them, and numbers that do not fit the declared type.
# Guess: a set; errors for 1.5 and for numbers that do not fit; the bytes.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install thriftpy2==0.7.1

cat >values.thrift <<'IDL'
struct Values { 1: set<i32> numbers, 2: i32 number, 3: byte small, 4: string text }
IDL
cat >run.py <<'PY'
import thriftpy2
from thriftpy2.protocol import TBinaryProtocolFactory, TCompactProtocolFactory, TJSONProtocolFactory
from thriftpy2.utils import deserialize, serialize

Values = thriftpy2.load("values.thrift", module_name="values_thrift").Values
protocols = {"binary": TBinaryProtocolFactory(), "compact": TCompactProtocolFactory(), "JSON": TJSONProtocolFactory()}
for field, value in (("numbers", {1}), ("number", 1.5), ("small", 200), ("text", b"\xff")):
    for name, protocol in protocols.items():
        try:
            result = getattr(deserialize(Values(), serialize(Values(**{field: value}), protocol), protocol), field)
            print(f"{value!r} with {name} arrives as {result!r}")
        except Exception:
            print(f"{value!r} with {name} is refused")
PY
python3 run.py | expect "{1} with binary arrives as [1]
{1} with compact arrives as [1]
{1} with JSON arrives as [1]
1.5 with binary arrives as 1
1.5 with compact is refused
1.5 with JSON arrives as 1
200 with binary is refused
200 with compact is refused
200 with JSON arrives as 200
b'\\xff' with binary arrives as b'\\xff'
b'\\xff' with compact arrives as b'\\xff'
b'\\xff' with JSON arrives as \"b'\\\\xff'\""
