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
use deferred::DeferredParts;
use schema::{ComponentNames, plain_name};

/// The characters of method names that paths do not have.
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name of the schema of errors.
const PROBLEM: &str = "Problem";

/// The media type of errors.
const PROBLEM_MEDIA: &str = "application/problem+json";

/// The ways in which a gateway takes requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestForms {
    /// `true` if idempotent methods may be called with GET.
    pub(super) has_get: bool,
    /// Whether responses may come later.
    pub(super) has_deferred: bool,
}

/// Describes methods as an `OpenAPI` document.
pub(super) fn document(description: &Description, forms: RequestForms) -> Value {
    let mut document = parse(include_str!("document.json"));
    let mut own_names = vec![PROBLEM];
    if forms.has_deferred {
        own_names.extend(deferred::SCHEMAS);
    }
    let mut writer = Writer {
        names: ComponentNames::new(&description.types, &own_names),
        has_get: forms.has_get,
        deferred: forms.has_deferred.then(DeferredParts::new),
        operations: BTreeSet::new(),
    };
    let components = &mut document["components"];
    if let Some(schemas) = components["schemas"].as_object_mut() {
        writer.names.add_schemas(&description.types, schemas);
    }
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for service in &description.services {
        for method in &service.methods {
            let name = utf8_percent_encode(&method.name, NOT_IN_PATHS);
            paths.insert(format!("/call/{name}"), writer.path(service, method));
        }
        tags.push(json!({"name": tag(service), "description": service.documentation}));
    }
    if let Some(deferred) = writer.deferred.take() {
        deferred.add_components(components);
        let path = deferred.path(|id| writer.operation_id(id));
        paths.insert("/requests/{id}".to_owned(), path);
    }
    document["paths"] = Value::Object(paths);
    document["tags"] = Value::Array(tags);
    document
}

/// Reads a constant part of a document. Most parts are texts: code that builds them is several times as large.
fn parse(json: &'static str) -> Value {
    serde_json::from_slice(json.as_bytes()).unwrap_or_default()
}

fn tag(service: &ServiceDescription) -> &str {
    match service.name.as_str() {
        "" => "methods",
        name => name,
    }
}

struct Writer {
    names: ComponentNames,
    /// `true` if idempotent methods may be called with GET.
    has_get: bool,
    /// `None` if responses do not come later.
    deferred: Option<DeferredParts>,
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
            let mut body = body(media, schema::binary());
            body["description"] = format!("The stream {}", stream.name).into();
            post["requestBody"] = body;
        } else {
            post["requestBody"] = body(MediaType::Json.name(), self.arguments(method));
            if let Some(deferred) = &self.deferred {
                deferred.add_to(&mut post, method.one_way);
            }
        }
        path.insert("post".to_owned(), post);
        if self.has_get && super::calling::can_get(method) {
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
            operation["summary"] = summary.into();
            operation["description"] = method.documentation.as_str().into();
        }
        if method.deprecated.is_some() {
            operation["deprecated"] = true.into();
        }
        operation
    }

    /// Returns the schema of arguments by name.
    fn arguments(&self, method: &MethodDescription) -> Value {
        if let (true, [argument]) = (method.params, &method.arguments[..]) {
            return self.names.value(&argument.value);
        }
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for argument in &method.arguments {
            properties.insert(argument.name.clone(), self.argument(argument));
            if argument.required && argument.aliases.is_empty() {
                required.push(argument.name.as_str().into());
            }
        }
        schema::object(properties, required)
    }

    fn argument(&self, argument: &ArgumentDescription) -> Value {
        let value = self.names.value(&argument.value);
        if argument.stream && !argument.value.is_bytes() {
            return schema::array(value);
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
                "content": content(MediaType::Json.name(), self.names.value(&argument.value)),
            })
        });
        parameters.collect()
    }

    fn responses(&self, method: &MethodDescription) -> Value {
        let mut responses = Map::new();
        let (status, success) = if method.one_way {
            ("202", described("The call was sent; there is no result"))
        } else {
            ("200", response("The result", self.content(method)))
        };
        responses.insert(status.to_owned(), success);
        let mut by_status = BTreeMap::<_, Vec<_>>::new();
        for error in &method.errors {
            let status = own_status(error).as_str().to_owned();
            by_status.entry(status).or_default().push(error);
        }
        for (status, errors) in by_status {
            let texts: Vec<_> = errors.iter().map(|error| error_text(error)).collect();
            let content = content(PROBLEM_MEDIA, self.error_schema(&errors));
            responses.insert(status, response(&texts.join("\n"), content));
        }
        let content = content(PROBLEM_MEDIA, schema::reference(PROBLEM));
        responses.insert("default".to_owned(), response("The call failed", content));
        Value::Object(responses)
    }

    fn error_schema(&self, errors: &[&ErrorDescription]) -> Value {
        let own = errors.iter().map(|error| {
            let mut fields = Map::new();
            for field in &error.fields {
                let shape = self.names.shape(&field.value.readable);
                fields.insert(field.name.clone(), shape);
            }
            let mut properties = json!({
                "code": schema::constant("integer", error.code.into()),
                "name": schema::constant("string", error.name.as_str().into()),
            });
            let is_named = error
                .fields
                .iter()
                .all(|field| field.name.parse::<u32>().is_err());
            if !fields.is_empty() && !error.raw && is_named {
                properties["data"] = schema::object(fields, Vec::new());
            }
            json!({"properties": properties})
        });
        // A method may fail with other codes, too.
        let mut schemas: Vec<_> = own.collect();
        schemas.push(described("Another error"));
        json!({"allOf": [schema::reference(PROBLEM), {"anyOf": schemas}]})
    }

    fn content(&self, method: &MethodDescription) -> Value {
        let mut contents = Map::new();
        for media in super::calling::offered(method) {
            let schema = match (media, &method.items, &method.result) {
                (MediaType::Bytes, ..) => schema::binary(),
                (MediaType::Lines, Some(item), _) => self.line(item),
                (MediaType::Json, _, Some(result)) => self.names.value(result),
                (MediaType::Json, ..) => schema::of_type("null"),
                _ => schema::of_type("string"),
            };
            contents.insert(media.name().to_owned(), json!({"schema": schema}));
        }
        Value::Object(contents)
    }

    /// The schema of each line of a stream.
    fn line(&self, item: &ValueDescription) -> Value {
        json!({
            "description": "Each line; the last one has an error, or the number of items",
            "oneOf": [
                schema::object_with("item", self.names.value(item)),
                schema::object_with("error", schema::reference(PROBLEM)),
                schema::object_with("end", schema::of_type("integer")),
            ],
        })
    }
}

/// Returns the content of a body with values of one media type.
fn content(media: &str, schema: Value) -> Value {
    let mut content = Value::Null;
    content[media]["schema"] = schema;
    content
}

/// Returns the body of a request.
fn body(media: &str, schema: Value) -> Value {
    let mut body = json!({"required": true});
    body["content"] = content(media, schema);
    body
}

fn described(description: &str) -> Value {
    json!({"description": description})
}

fn response(description: &str, content: Value) -> Value {
    let mut response = described(description);
    response["content"] = content;
    response
}

fn error_text(error: &ErrorDescription) -> String {
    let text = error.documentation.lines().next().unwrap_or_default();
    match text {
        "" => format!("- `{}`: {}", error.code, error.name),
        text => format!("- `{}`: {}: {text}", error.code, error.name),
    }
}
