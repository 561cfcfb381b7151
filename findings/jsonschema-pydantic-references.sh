#!/usr/bin/env bash
# Python classes from JSON Schema. PyPI jsonschema-pydantic 0.6 takes every reference for an object, and so refuses the values of an
# enum or of a named integer; a type that may be null raises TypeError. python-jsonschema-objects 0.5.7 leaves out a required field
# whose value is null when it writes the object.
# Guess: a reference has the type that it refers to, and null is written as null.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install jsonschema-pydantic==0.6 pydantic==2.13.4 python-jsonschema-objects==0.5.7

cat >run.py <<'PY'
import json
import python_jsonschema_objects as pjs
from jsonschema_pydantic import jsonschema_to_pydantic

def schema(v, **defs):
    return {"title": "Job", "type": "object", "properties": {"v": v}, "required": ["v"], "$defs": defs}

def attempt(name, action):
    try:
        print(f"{name}: {action()}")
    except Exception as error:
        print(f"{name}: {type(error).__name__}")

reference = {"$ref": "#/$defs/C"}
color = {"type": "string", "enum": ["Red", "Green"]}
attempt("enum", lambda: jsonschema_to_pydantic(schema(color))(v="Red").model_dump())
attempt("reference to enum", lambda: jsonschema_to_pydantic(schema(reference, C=color))(v="Red").model_dump())
attempt("reference to integer", lambda: jsonschema_to_pydantic(schema(reference, C={"type": "integer"}))(v=1).model_dump())
attempt("text or null", lambda: jsonschema_to_pydantic(schema({"type": ["string", "null"]}))(v=None).model_dump())
job = pjs.ObjectBuilder(schema({"type": ["string", "null"]})).build_classes().Job
attempt("python-jsonschema-objects writes null", lambda: job(v=None).serialize())
PY
python3 run.py 2>/dev/null | expect "enum: {'v': 'Red'}
reference to enum: ValidationError
reference to integer: ValidationError
text or null: TypeError
python-jsonschema-objects writes null: {}"
