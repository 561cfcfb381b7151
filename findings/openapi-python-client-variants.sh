#!/usr/bin/env bash
# Python from an OpenAPI 3.1 schema of an enum with a variant that has named fields, as serde writes it by default: one of several
# schemas is an object with an object inside. PyPI openapi-python-client 0.29.1 reads that object twice, takes it for a second one of the
# same name, and leaves out the class around it, which the module of every operation that has the enum imports nevertheless.
# Guess: the generated module can be imported, and has a class with the attribute "circle".
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install openapi-python-client==0.29.1

cat >api.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": { "title": "api", "version": "1" },
  "paths": {
    "/draw": {
      "post": {
        "operationId": "draw",
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Shape" } } } },
        "responses": { "200": { "description": "done" } }
      }
    }
  },
  "components": {
    "schemas": {
      "Shape": {
        "oneOf": [
          { "type": "string", "enum": ["Point"] },
          {
            "type": "object",
            "properties": {
              "Circle": { "type": "object", "properties": { "radius": { "type": "number" } }, "required": ["radius"] }
            },
            "required": ["Circle"]
          }
        ]
      }
    }
  }
}
JSON
# Without this the generator also says that it finds no program that formats.
echo 'post_hooks: []' >config.yml
{
    python3 -m openapi_python_client generate --path api.json --meta none --output-path inside --config config.yml 2>&1 | grep "duplicate"
    { python3 -c 'import inside.api.default.draw' 2>&1 || true; } | tail -1
    # The same object as a component of its own.
    python3 - <<'PY'
import json
api = json.load(open("api.json"))
schemas = api["components"]["schemas"]
properties = schemas["Shape"]["oneOf"][1]["properties"]
schemas["Circle"] = properties["Circle"]
properties["Circle"] = {"$ref": "#/components/schemas/Circle"}
json.dump(api, open("api.json", "w"))
PY
    python3 -m openapi_python_client generate --path api.json --meta none --output-path apart --config config.yml >/dev/null 2>&1
    python3 -c 'import apart.api.default.draw as draw; print("as a component:", draw.ShapeType1.__name__)'
} | expect "Attempted to generate duplicate models with name \"ShapeType1Circle\"
ModuleNotFoundError: No module named 'inside.models.shape_type_1'
as a component: ShapeType1"
