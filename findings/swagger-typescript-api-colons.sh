#!/usr/bin/env bash
# npm swagger-typescript-api 13.13.0 takes a colon in an OpenAPI path, as in "/items:all", for the begin of a parameter: the function
# has a further argument, and the request goes to a path without the colon. Parameters are in braces in OpenAPI; a colon is a
# character of the path.
# Guess: the path as it is, and no argument.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install swagger-typescript-api@13.13.0

cat >api.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": { "title": "api", "version": "1" },
  "servers": [{ "url": "http://127.0.0.1" }],
  "paths": { "/items:all": { "get": { "operationId": "all", "responses": { "200": { "description": "done" } } } } }
}
JSON
npx swagger-typescript-api generate -p api.json -o . -n api.ts >/dev/null 2>&1
tr -d '\n' <api.ts | grep -o 'all: (.*path: `[^`]*`' | tr -s ' ' | expect 'all: (all: string, params: RequestParams = {}) => this.request<void, any>({ path: `/items${all}`'
