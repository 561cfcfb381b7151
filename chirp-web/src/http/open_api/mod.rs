//! The description of the methods for other programs, as an `OpenAPI` document of version 3.1.

mod deferred;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

use chirp_runtime::reflect::{
    ArgumentDescription, Description, ErrorDescription, MethodDescription, ServiceDescription,
    ValueDescription,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::media_type::MediaType;
use super::problem::own_status;
use schema::{ComponentNames, plain_name};

/// The characters of method names that paths do not have.
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name of the schema of errors.
const PROBLEM: &str = "Problem";

/// The ways in which a gateway takes requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestForms {
    /// Whether idempotent methods may be called with GET.
    pub(super) has_get: bool,
    /// Whether responses may come later.
    pub(super) has_deferred: bool,
}

/// Describes methods as an `OpenAPI` document.
pub(super) fn document(description: &Description, forms: RequestForms) -> Value {
    let own_names: &[&str] = if forms.has_deferred {
        &[
            PROBLEM,
            deferred::ACCEPTED,
            deferred::LATER,
            deferred::STATUS,
        ]
    } else {
        &[PROBLEM]
    };
    let names = ComponentNames::new(&description.types, own_names);
    let mut schemas = names.schemas(&description.types);
    schemas.insert(PROBLEM.to_owned(), problem_schema());
    let mut writer = Writer {
        names,
        forms,
        operations: BTreeSet::new(),
    };
    let mut paths = Map::new();
    for service in &description.services {
        for method in &service.methods {
            let name = utf8_percent_encode(&method.name, NOT_IN_PATHS);
            paths.insert(format!("/call/{name}"), writer.path(service, method));
        }
    }
    let mut components = json!({});
    if forms.has_deferred {
        paths.insert(
            "/requests/{id}".to_owned(),
            deferred::path(|id| writer.operation_id(id)),
        );
        deferred::add_schemas(&mut schemas);
        components["parameters"] = deferred::parameter_components();
        components["callbacks"] = deferred::callback_components();
    }
    components["schemas"] = Value::Object(schemas);
    let tags = description
        .services
        .iter()
        .map(|service| json!({"name": tag(service), "description": service.documentation}));
    let tags: Vec<_> = tags.collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chirp services",
            "version": "1",
            "description": "Methods are called with arguments by name, as JSON.",
        },
        // Relative to the address of this document.
        "servers": [{"url": "."}],
        "tags": tags,
        "paths": paths,
        "components": components,
    })
}

fn tag(service: &ServiceDescription) -> &str {
    match service.name.as_str() {
        "" => "methods",
        name => name,
    }
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "An error (RFC 9457)",
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "integer", "minimum": 0, "maximum": 65535, "description": "The code of the error"},
            "name": {"type": "string", "description": "The name of the error"},
            "data": {"description": "The fields of the error"},
        },
        "required": ["title", "status", "detail"],
    })
}

struct Writer {
    names: ComponentNames,
    forms: RequestForms,
    /// The IDs of operations so far.
    operations: BTreeSet<String>,
}

impl Writer {
    fn path(&mut self, service: &ServiceDescription, method: &MethodDescription) -> Value {
        let mut path = Map::new();
        let mut post = self.operation(service, method, "");
        let mut streams = method.arguments.iter().filter(|argument| argument.stream);
        let body_stream = streams
            .next()
            .filter(|stream| stream.value.is_bytes() && streams.next().is_none());
        if let Some(stream) = body_stream {
            let others = method.arguments.iter().filter(|argument| !argument.stream);
            post["parameters"] = self.parameters(others);
            let media = MediaType::Bytes.name();
            post["requestBody"] = json!({
                "description": format!("The stream {}", stream.name),
                "required": true,
                "content": {media: {"schema": {"type": "string", "format": "binary"}}},
            });
        } else {
            post["requestBody"] = json!({
                "required": true,
                "content": {"application/json": {"schema": self.arguments(method)}},
            });
            if self.forms.has_deferred {
                post["parameters"] = deferred::parameters();
                post["callbacks"] = deferred::callbacks();
                // A one-way call has that status anyway, without content.
                if !method.one_way {
                    post["responses"]["202"] = deferred::accepted();
                }
            }
        }
        path.insert("post".to_owned(), post);
        if self.forms.has_get && super::calling::can_get(method) {
            let mut get = self.operation(service, method, ".get");
            get["parameters"] = self.parameters(method.arguments.iter());
            path.insert("get".to_owned(), get);
        }
        Value::Object(path)
    }

    /// Returns an ID that no other operation has.
    fn operation_id(&mut self, plain: &str) -> String {
        let mut id = plain.to_owned();
        let mut number = 2;
        while !self.operations.insert(id.clone()) {
            id = format!("{plain}_{number}");
            number += 1;
        }
        id
    }

    fn operation(
        &mut self,
        service: &ServiceDescription,
        method: &MethodDescription,
        suffix: &str,
    ) -> Value {
        let id = self.operation_id(&format!("{}{suffix}", plain_name(&method.name)));
        let summary = method.documentation.lines().next().unwrap_or_default();
        let mut operation = json!({
            "operationId": id,
            "tags": [tag(service)],
            "responses": self.responses(method),
        });
        if !summary.is_empty() {
            operation["summary"] = json!(summary);
            operation["description"] = json!(method.documentation);
        }
        if method.deprecated.is_some() {
            operation["deprecated"] = json!(true);
        }
        operation
    }

    /// Returns the schema of arguments by name.
    fn arguments(&self, method: &MethodDescription) -> Value {
        if let (true, [argument]) = (method.params, &method.arguments[..]) {
            return self.names.value(&argument.value);
        }
        let properties: Map<_, _> = method
            .arguments
            .iter()
            .map(|argument| (argument.name.clone(), self.argument(argument)))
            .collect();
        let required: Vec<_> = method
            .arguments
            .iter()
            .filter(|argument| argument.required && argument.aliases.is_empty())
            .map(|argument| &argument.name)
            .collect();
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn argument(&self, argument: &ArgumentDescription) -> Value {
        let value = self.names.value(&argument.value);
        if argument.stream && !argument.value.is_bytes() {
            return json!({"type": "array", "items": value});
        }
        value
    }

    /// Returns arguments in the query: a JSON value each.
    fn parameters<'a>(&self, arguments: impl Iterator<Item = &'a ArgumentDescription>) -> Value {
        let parameters = arguments.map(|argument| {
            json!({
                "name": argument.name,
                "in": "query",
                "required": argument.required && argument.aliases.is_empty(),
                "content": {"application/json": {"schema": self.names.value(&argument.value)}},
            })
        });
        parameters.collect()
    }

    fn responses(&self, method: &MethodDescription) -> Value {
        let mut responses = Map::new();
        let (status, response) = if method.one_way {
            let response = json!({"description": "The call was sent; there is no result"});
            ("202", response)
        } else {
            let content = self.content(method);
            (
                "200",
                json!({"description": "The result", "content": content}),
            )
        };
        responses.insert(status.to_owned(), response);
        let mut by_status = BTreeMap::<_, Vec<_>>::new();
        for error in &method.errors {
            let status = own_status(error).as_str().to_owned();
            by_status.entry(status).or_default().push(error);
        }
        for (status, errors) in by_status {
            let texts: Vec<_> = errors.iter().map(|error| error_text(error)).collect();
            let response = json!({
                "description": texts.join("\n"),
                "content": {"application/problem+json": {"schema": self.error_schema(&errors)}},
            });
            responses.insert(status, response);
        }
        let reference = format!("#/components/schemas/{PROBLEM}");
        let response = json!({
            "description": "The call failed",
            "content": {"application/problem+json": {"schema": {"$ref": reference}}},
        });
        responses.insert("default".to_owned(), response);
        Value::Object(responses)
    }

    fn error_schema(&self, errors: &[&ErrorDescription]) -> Value {
        let own = errors.iter().map(|error| {
            let fields = error
                .fields
                .iter()
                .map(|field| (field.name.clone(), self.names.shape(&field.value.readable)));
            let fields: Map<_, _> = fields.collect();
            let mut properties = json!({
                "code": {"type": "integer", "enum": [error.code]},
                "name": {"type": "string", "enum": [error.name]},
            });
            let is_named = error
                .fields
                .iter()
                .all(|field| field.name.parse::<u32>().is_err());
            if !fields.is_empty() && !error.raw && is_named {
                properties["data"] = json!({"type": "object", "properties": fields});
            }
            json!({"properties": properties})
        });
        // A method may fail with other codes, too.
        let mut schemas: Vec<_> = own.collect();
        schemas.push(json!({"description": "Another error"}));
        json!({
            "allOf": [{"$ref": format!("#/components/schemas/{PROBLEM}")}, {"anyOf": schemas}],
        })
    }

    fn content(&self, method: &MethodDescription) -> Value {
        let mut content = Map::new();
        for media in super::calling::offered(method) {
            let schema = match (media, &method.items, &method.result) {
                (MediaType::Bytes, ..) => json!({"type": "string", "format": "binary"}),
                (MediaType::Lines, Some(item), _) => self.line(item),
                (MediaType::Json, _, Some(result)) => self.names.value(result),
                (MediaType::Json, ..) => json!({"type": "null"}),
                _ => json!({"type": "string"}),
            };
            content.insert(media.name().to_owned(), json!({"schema": schema}));
        }
        Value::Object(content)
    }

    /// The schema of each line of a stream.
    fn line(&self, item: &ValueDescription) -> Value {
        let error = json!({"$ref": format!("#/components/schemas/{PROBLEM}")});
        let one = |name: &str, schema: Value| json!({"type": "object", "properties": {name: schema}, "required": [name]});
        json!({
            "description": "Each line; the last one has an error, or the number of items",
            "oneOf": [
                one("item", self.names.value(item)),
                one("error", error),
                one("end", json!({"type": "integer"})),
            ],
        })
    }
}

fn error_text(error: &ErrorDescription) -> String {
    let text = error.documentation.lines().next().unwrap_or_default();
    match text {
        "" => format!("- `{}`: {}", error.code, error.name),
        text => format!("- `{}`: {}: {text}", error.code, error.name),
    }
}
