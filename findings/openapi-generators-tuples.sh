#!/usr/bin/env bash
# TypeScript from an OpenAPI 3.1 schema of a tuple (prefixItems, items: false), to which [1, "a"] conforms: npm oazapfts 7.5.0 writes
# never[], dtsgenerator 3.19.2 and openapi-client-axios-typegen 7.8.0 write [void, void]. TypeScript refuses every value of them.
# Guess: [number, string], as @hey-api/openapi-ts writes it, or an array of anything.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install oazapfts@7.5.0 dtsgenerator@3.19.2 openapi-client-axios-typegen@7.8.0 typescript@5.9.3

cat >api.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": { "title": "api", "version": "1" },
  "paths": {
    "/pair": {
      "post": {
        "operationId": "pair",
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pair" } } } },
        "responses": { "200": { "description": "done" } }
      }
    }
  },
  "components": {
    "schemas": {
      "Pair": {
        "type": "array",
        "prefixItems": [{ "type": "integer" }, { "type": "string" }],
        "items": false,
        "minItems": 2,
        "maxItems": 2
      }
    }
  }
}
JSON
check() {
    cp "$1" "$2.ts"
    echo "$3" >>"$2.ts"
    case $(npx tsc --noEmit --skipLibCheck "$2.ts") in *"not assignable"*) accepted=refused ;; *) accepted=accepted ;; esac
    echo "$2: $(tr -d '\n ' <"$1" | grep -o 'Pair=[^;]*'), [1, \"a\"] is $accepted"
}
{
    npx oazapfts api.json oazapfts.out.ts >/dev/null 2>&1
    check oazapfts.out.ts oazapfts 'export const pair0: Pair = [1, "a"];'
    npx dtsgen --out dtsgenerator.out.ts api.json >/dev/null 2>&1
    check dtsgenerator.out.ts dtsgenerator 'const pair0: Components.Schemas.Pair = [1, "a"];'
    npx openapi-client-axios-typegen api.json >typegen.out.ts 2>/dev/null || npx typegen api.json >typegen.out.ts 2>/dev/null
    check typegen.out.ts openapi-client-axios-typegen 'export const pair0: Components.Schemas.Pair = [1, "a"];'
} | expect 'oazapfts: Pair=never[], [1, "a"] is refused
dtsgenerator: Pair=[void,void], [1, "a"] is refused
openapi-client-axios-typegen: Pair=[void,void], [1, "a"] is refused'
