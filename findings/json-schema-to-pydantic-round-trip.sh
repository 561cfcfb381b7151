#!/usr/bin/env bash
# PyPI json-schema-to-pydantic 0.5.0 with pydantic 2.13.4: a valid value does not come back as it was. An array of unique items
# becomes a set, which loses the order and cannot hold objects; an optional field that is absent is written as null, which the same
# model refuses; a name that begins with an underscore loses it; fields that additionalProperties allows are lost.
# Guess: a list, a field that may be null or is left out, an alias, and extra fields that are kept.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install json-schema-to-pydantic==0.5.0 pydantic==2.13.4

cat >run.py <<'PY'
from json_schema_to_pydantic import create_model

def model(properties, required, **more):
    return create_model({"title": "Job", "type": "object", "properties": properties, "required": required, **more})

def show(name, job, value):
    try:
        print(f"{name}: {value} -> {job(**value).model_dump_json()}")
    except ValueError as error:
        print(f"{name}: {value} -> {error.errors()[0]['type']}")

text, number = {"type": "string"}, {"type": "integer"}
unique = {"type": "array", "uniqueItems": True, "items": text}
print("unique:", model({"v": unique}, ["v"]).model_fields["v"].annotation)
objects = {"type": "array", "uniqueItems": True, "items": {"type": "object", "properties": {"a": text}}}
show("unique objects", model({"v": objects}, ["v"]), {"v": [{"a": "x"}]})
optional = model({"v": number}, [])
show("absent", optional, {})
show("written back", optional, {"v": None})
show("underscore", model({"_id": number}, ["_id"]), {"_id": 1})
show("extra", model({"v": number}, ["v"], additionalProperties=True), {"v": 1, "w": 2})
PY
python3 run.py | expect "unique: typing.Set[str]
unique objects: {'v': [{'a': 'x'}]} -> set_item_not_hashable
absent: {} -> {\"v\":null}
written back: {'v': None} -> int_type
underscore: {'_id': 1} -> {\"id\":1}
extra: {'v': 1, 'w': 2} -> {\"v\":1}"
