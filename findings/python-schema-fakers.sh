#!/usr/bin/env bash
# Values for a JSON Schema in Python: PyPI hypothesis-jsonschema 0.23.1, whose requirements allow hypothesis 6.170.17, raises
# AttributeError with it for every object. jsf 0.11.2 raises for tuples, for maps with patterned keys and for a field of any type.
# Guess: a valid value for each, or an error that names the keyword.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install hypothesis-jsonschema==0.23.1 hypothesis==6.170.17 jsf==0.11.2 pydantic==2.13.4

cat >run.py <<'PY'
from hypothesis import HealthCheck, given, settings
from hypothesis_jsonschema import from_schema
from jsf import JSF

def attempt(name, action):
    try:
        action()
        print(f"{name}: works")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")

def hypothesis(schema):
    @settings(max_examples=5, database=None, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)
    @given(from_schema(schema))
    def check(value):
        pass
    check()

def fields(schema):
    return {"title": "Job", "type": "object", "properties": {"v": schema}, "required": ["v"]}

text = {"type": "string"}
attempt("hypothesis-jsonschema, array", lambda: hypothesis({"type": "array", "items": text}))
attempt("hypothesis-jsonschema, object", lambda: hypothesis(fields(text)))
for name, schema in {
    "text": text,
    "tuple": {"type": "array", "prefixItems": [text]},
    "map": {"type": "object", "patternProperties": {"^[0-9]+$": text}},
    "any": True,
}.items():
    attempt(f"jsf, {name}", lambda: JSF(fields(schema)).generate())
PY
python3 run.py 2>/dev/null | grep -v '^You can reproduce' | expect "hypothesis-jsonschema, array: works
hypothesis-jsonschema, object: AttributeError: 'many' object has no attribute 'more'
jsf, text: works
jsf, tuple: AttributeError: 'NoneType' object has no attribute 'name'
jsf, map: AttributeError: 'str' object has no attribute 'name'
jsf, any: ValidationError: 1 validation error for Object"
