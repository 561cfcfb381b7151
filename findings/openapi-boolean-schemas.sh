#!/usr/bin/env bash
# OpenAPI 3.1 has the schemas true and false: PyPI openapi-python-client 0.29.1 refuses a document that has one of them, and npm
# @hey-api/openapi-ts 0.95.0 leaves a property out whose schema is true, so that TypeScript refuses objects that have it.
# openapi-python-client leaves out an operation whose body is binary and, as 3.1 recommends, has no schema.
# Guess: true is unknown, items: false is the end of a tuple, and bytes are bytes.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install @hey-api/openapi-ts@0.95.0 typescript@5.9.3
pip_install openapi-python-client==0.29.1

cat >write.py <<'PY'
import json, sys

def write(name, schema, body):
    json.dump({
        "openapi": "3.1.0",
        "info": {"title": "api", "version": "1"},
        "paths": {"/put": {"post": {
            "operationId": "put",
            "requestBody": {"content": body},
            "responses": {"200": {"description": "done"}},
        }}},
        "components": {"schemas": {"Entry": {"type": "object", "properties": {"key": {"type": "string"}, "value": schema}}}},
    }, open(name, "w"))

entry = {"application/json": {"schema": {"$ref": "#/components/schemas/Entry"}}}
write("true.json", True, entry)
write("tuple.json", {"type": "array", "prefixItems": [{"type": "integer"}], "items": False}, entry)
write("binary.json", {}, {"application/octet-stream": {}})
PY
python3 write.py
for name in true tuple binary; do
    python3 -m openapi_python_client generate --path $name.json --meta none --output-path $name >$name.log 2>&1 || true
    refused=$(grep -q "Failed to parse" $name.log && echo refused || echo accepted)
    echo "openapi-python-client, $name: $refused, operation written: $(test -e $name/api/default/put.py && echo yes || echo no)"
done >python.log
npx openapi-ts -i true.json -o hey >/dev/null 2>&1
{
    cat python.log
    echo "@hey-api/openapi-ts, true: $(tr -d '\n ' <hey/types.gen.ts | grep -o 'typeEntry={[^}]*}')"
} | expect 'openapi-python-client, true: refused, operation written: no
openapi-python-client, tuple: refused, operation written: no
openapi-python-client, binary: accepted, operation written: no
@hey-api/openapi-ts, true: typeEntry={key?:string;}'
