#!/usr/bin/env bash
# WAMP with PyPI autobahn 26.10.2: a text that begins with U+0000 is read as binary data with JSON, or is refused if the rest is no base64,
# by the library that wrote it. A map with integers for keys has text for keys with JSON, and cannot be read with MessagePack. A Decimal
# is sent as text with JSON, and refused with MessagePack.
# Guess: a text is a text with all serializers; errors where the map and the Decimal are written.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install autobahn==26.10.2 msgpack==1.1.2 cbor2==6.3.0

cat >run.py <<'PY'
from decimal import Decimal
import txaio

txaio.use_asyncio()
from autobahn.wamp.message import Publish
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer

for value in ("\0YWI=", "\0a", {1: 2}, Decimal("1.5")):
    for serializer in (JsonSerializer(), MsgPackSerializer(), CBORSerializer()):
        step = "write"
        try:
            data = serializer.serialize(Publish(1, "org.example", args=[value]))[0]
            step = "read"
            result = repr(serializer.unserialize(data)[0].args[0])
        except Exception as error:
            result = f"{type(error).__name__} ({step})"
        print(f"{value!r} with {type(serializer).__name__}:", result)
PY
python3 run.py 2>/dev/null | expect "'\\x00YWI=' with JsonSerializer: b'ab'
'\\x00YWI=' with MsgPackSerializer: '\\x00YWI='
'\\x00YWI=' with CBORSerializer: '\\x00YWI='
'\\x00a' with JsonSerializer: ProtocolError (read)
'\\x00a' with MsgPackSerializer: '\\x00a'
'\\x00a' with CBORSerializer: '\\x00a'
{1: 2} with JsonSerializer: {'1': 2}
{1: 2} with MsgPackSerializer: ProtocolError (read)
{1: 2} with CBORSerializer: {1: 2}
Decimal('1.5') with JsonSerializer: '1.5'
Decimal('1.5') with MsgPackSerializer: TypeError (write)
Decimal('1.5') with CBORSerializer: Decimal('1.5')"
