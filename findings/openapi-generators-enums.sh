#!/usr/bin/env bash
# TypeScript from an OpenAPI 3.1 schema of an enum whose variants are written with const, as Rust's schemars does where they have
# descriptions: npm openapi-typescript-codegen 0.31.0 writes a type without anything behind the equals sign, which TypeScript
# refuses, and openapi-zod-client 1.18.3 writes a validator that lets everything pass.
# Guess: "Red" | "Green".
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install openapi-typescript-codegen@0.31.0 openapi-zod-client@1.18.3

cat >api.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": { "title": "api", "version": "1" },
  "paths": {
    "/paint": {
      "post": {
        "operationId": "paint",
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Color" } } } },
        "responses": { "200": { "description": "done" } }
      }
    }
  },
  "components": {
    "schemas": { "Color": { "oneOf": [{ "const": "Red", "description": "warm" }, { "const": "Green" }] } }
  }
}
JSON
npx openapi --input api.json --output codegen >/dev/null 2>&1
npx openapi-zod-client api.json -o zod.ts >/dev/null 2>&1
{
    echo "openapi-typescript-codegen: $(grep "export type" codegen/models/Color.ts)"
    echo "openapi-zod-client: $(grep 'Color =' zod.ts)"
} | expect 'openapi-typescript-codegen: export type Color = ;
openapi-zod-client: const Color = z.union([z.unknown(), z.unknown()]);'
