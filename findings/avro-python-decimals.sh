#!/usr/bin/env bash
# PyPI avro 1.12.2: a decimal with fewer places than the scale is written without its zeros, so that 1.5 becomes 0.15, and seven
# digits are written for a precision of five. In a union of double and float it takes float for a number that needs a double.
# fastavro 1.13.1 pads, refuses and takes the first type that fits.
# Guess: 1.50; an error; 0.1.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install avro==1.12.2 fastavro==1.13.1

cat >run.py <<'PY'
import decimal
import io
import json
import avro.io
import avro.schema
import fastavro

def with_avro(schema, value):
    parsed = avro.schema.parse(json.dumps(schema))
    buffer = io.BytesIO()
    avro.io.DatumWriter(parsed).write(value, avro.io.BinaryEncoder(buffer))
    buffer.seek(0)
    return avro.io.DatumReader(parsed).read(avro.io.BinaryDecoder(buffer))

def with_fastavro(schema, value):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), value)
    buffer.seek(0)
    return fastavro.schemaless_reader(buffer, fastavro.parse_schema(schema))

price = {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}
for schema, value in [(price, decimal.Decimal("1.5")), (price, decimal.Decimal("12345.67")), (["double", "float"], 0.1)]:
    for name, pass_on in [("avro", with_avro), ("fastavro", with_fastavro)]:
        try:
            print(f"{name}: {value} -> {pass_on(schema, value)}")
        except ValueError as error:
            print(f"{name}: {value} -> {error}")
PY
python3 run.py | expect "avro: 1.5 -> 0.15
fastavro: 1.5 -> 1.50
avro: 12345.67 -> 12346
fastavro: 12345.67 -> The decimal precision is bigger than allowed by schema
avro: 0.1 -> 0.10000000149011612
fastavro: 0.1 -> 0.1"
