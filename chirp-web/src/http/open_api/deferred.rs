//! Requests whose responses come later, in the description.

use serde_json::{Map, Value, json};

use super::PROBLEM;

/// The names of the schemas.
pub(super) const ACCEPTED: &str = "AcceptedRequest";
pub(super) const STATUS: &str = "RequestStatus";
pub(super) const LATER: &str = "LaterResponse";

/// The headers by which a request asks for a response later.
const HEADERS: [(&str, &str, &str); 3] = [
    (
        "Respond-To",
        "Chirp-Respond-To",
        "Accepts the request with the status 202, and posts the response to this URL later",
    ),
    (
        "Prefer",
        "Prefer",
        "With `respond-async`, accepts the request with the status 202, and keeps the response at /requests/{id}",
    ),
    (
        "Idempotency-Key",
        "Idempotency-Key",
        "A request with a key that its caller has used before is the same request, which does not run again",
    ),
];

/// Returns the headers as the parameters of an operation.
pub(super) fn parameters() -> Value {
    let references =
        HEADERS.map(|(name, ..)| json!({"$ref": format!("#/components/parameters/{name}")}));
    references.into_iter().collect()
}

/// Returns the parameters that operations refer to.
pub(super) fn parameter_components() -> Value {
    let parameters = HEADERS.map(|(name, header, description)| {
        let parameter = json!({
            "name": header,
            "in": "header",
            "description": description,
            "schema": {"type": "string"},
        });
        (name.to_owned(), parameter)
    });
    Value::Object(parameters.into_iter().collect())
}

/// Returns the request that the gateway sends later, as the callbacks of an operation.
pub(super) fn callbacks() -> Value {
    json!({"response": {"$ref": "#/components/callbacks/Response"}})
}

/// Returns the callbacks that operations refer to.
pub(super) fn callback_components() -> Value {
    json!({
        "Response": {
            "{$request.header.Chirp-Respond-To}": {
                "post": {
                    "description": "The response, signed as the Standard Webhooks specification says if the gateway has a secret. \
                        A status other than 2xx lets the gateway try again later, with the same webhook-id.",
                    "parameters": [
                        {"name": "webhook-id", "in": "header", "required": true, "schema": {"type": "string"}},
                        {"name": "webhook-timestamp", "in": "header", "required": true, "schema": {"type": "string"}},
                        {"name": "webhook-signature", "in": "header", "schema": {"type": "string"}},
                        {"name": "chirp-attempt", "in": "header", "required": true, "schema": {"type": "string"}},
                    ],
                    "requestBody": {"required": true, "content": json_of(LATER)},
                    "responses": {"2XX": {"description": "The response has been received"}},
                },
            },
        },
    })
}

/// Returns the response with which a request is accepted.
pub(super) fn accepted() -> Value {
    json!({
        "description": "The request is accepted, and its response comes later",
        "headers": {"Location": {"schema": {"type": "string", "format": "uri-reference"}}},
        "content": json_of(ACCEPTED),
    })
}

/// Adds the schemas of accepted requests.
pub(super) fn add_schemas(schemas: &mut Map<String, Value>) {
    let text = json!({"type": "string"});
    let time = json!({"type": "string", "format": "date-time"});
    let error = json!({"$ref": format!("#/components/schemas/{PROBLEM}")});
    let accepted = json!({
        "type": "object",
        "properties": {"id": text},
        "required": ["id"],
    });
    let later = json!({
        "type": "object",
        "description": "A response, with one of the result, the error and the URL of the stream",
        "properties": {
            "id": text,
            "method": text,
            "result": {"description": "The result of the method"},
            "error": error,
            "stream_url": {"type": "string", "format": "uri"},
            "expires_in": {"type": "integer", "description": "The time for reading the stream, in seconds"},
        },
        "required": ["id", "method"],
    });
    let all = [
        "running",
        "delivering",
        "delivered",
        "answered",
        "failed",
        "cancelled",
    ];
    let status = json!({
        "type": "object",
        "properties": {
            "id": text,
            "method": text,
            "state": {"type": "string", "enum": all},
            "created": time,
            "deadline": time,
            "answered": time,
            "ended": time,
            "expires": time,
            "hook": text,
            "failed_attempts": {"type": "integer"},
            "last_error": text,
            "next_attempt": time,
            "response": {"$ref": format!("#/components/schemas/{LATER}")},
        },
        "required": ["id", "method", "state", "created", "deadline", "failed_attempts"],
    });
    schemas.insert(ACCEPTED.to_owned(), accepted);
    schemas.insert(LATER.to_owned(), later);
    schemas.insert(STATUS.to_owned(), status);
}

/// Returns the operations on an accepted request, with IDs that are free.
pub(super) fn path(mut operation_id: impl FnMut(&str) -> String) -> Value {
    let mut operation = |id: &str, summary: &str, description: &str| {
        json!({
            "operationId": operation_id(id),
            "summary": summary,
            "responses": {
                "200": {"description": description, "content": json_of(STATUS)},
                "default": {
                    "description": "There is no such request of the caller",
                    "content": {"application/problem+json": {"schema": {"$ref": format!("#/components/schemas/{PROBLEM}")}}},
                },
            },
        })
    };
    json!({
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "get": operation("requests.get", "Reads the state of an accepted request", "The state, and the response if it is kept"),
        "delete": operation(
            "requests.cancel",
            "Cancels the call of an accepted request, or the delivery of its response",
            "The state. A request that has ended is left as it is",
        ),
    })
}

fn json_of(schema: &str) -> Value {
    json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}})
}
