#!/usr/bin/env bash
# PyPI thrift 0.25.0: TJSONProtocol writes infinity and NaN as words that it refuses to read, and control characters of a text as they
# are, which JSON does not allow. PyPI thriftpy2 0.7.1 reads a set as a list.
# Guess: "Infinity" and "NaN" in quotation marks, as other languages write them; \u0001; a set.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install thrift==0.25.0 thriftpy2==0.7.1

echo 'struct Tags { 1: set<i32> tags }' >tags.thrift
cat >run.py <<'PY'
import json
import thriftpy2
from thrift.protocol.TJSONProtocol import TJSONProtocol
from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TType
from thrift.transport.TTransport import TMemoryBuffer
from thriftpy2.utils import deserialize, serialize

def write(name, *values):
    buffer = TMemoryBuffer()
    protocol = TJSONProtocol(buffer)
    protocol.writeListBegin(TType.DOUBLE if name == "Double" else TType.STRING, len(values))
    for value in values:
        getattr(protocol, f"write{name}")(value)
    protocol.writeListEnd()
    return buffer.getvalue()

for number in (1.5, float("inf"), float("nan")):
    data = write("Double", number)
    protocol = TJSONProtocol(TMemoryBuffer(data))
    protocol.readListBegin()
    try:
        print(data.decode(), protocol.readDouble())
    except TProtocolException as error:
        print(data.decode(), error)
data = write("String", "a\x01").decode()
try:
    print(data.replace("\x01", "<01>"), json.loads(data))
except json.JSONDecodeError as error:
    print(data.replace("\x01", "<01>"), error.msg)
Tags = thriftpy2.load("tags.thrift", module_name="tags_thrift").Tags
print("thriftpy2:", deserialize(Tags(), serialize(Tags(tags={1, 2}))).tags)
PY
python3 run.py | expect '["dbl",1,1.5] 1.5
["dbl",1,inf] Bad data encounted in numeric data
["dbl",1,nan] Bad data encounted in numeric data
["str",1,"a<01>"] Invalid control character at
thriftpy2: [1, 2]'
