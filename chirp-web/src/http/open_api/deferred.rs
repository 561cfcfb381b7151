//! Requests whose responses come later, in the description.

use serde_json::Value;

use super::parse;

/// The names of the schemas.
pub(super) const SCHEMAS: [&str; 3] = ["AcceptedRequest", "RequestStatus", "LaterResponse"];

/// The parts of a description that say how responses come later.
#[derive(Debug)]
pub(super) struct DeferredParts {
    parts: Value,
}

impl DeferredParts {
    pub(super) fn new() -> Self {
        Self {
            parts: parse(include_str!("deferred.json")),
        }
    }

    /// Adds to an operation how its response may come later. One that `is_one_way` has no response.
    pub(super) fn add_to(&self, operation: &mut Value, is_one_way: bool) {
        let own = &self.parts["operation"];
        operation["parameters"] = own["parameters"].clone();
        operation["callbacks"] = own["callbacks"].clone();
        // A one-way call has that status anyway, without content.
        if !is_one_way {
            operation["responses"]["202"] = own["accepted"].clone();
        }
    }

    /// Returns the operations on an accepted request. `free_id` returns the ID of an operation, or another that is free.
    pub(super) fn path(&self, mut free_id: impl FnMut(&str) -> String) -> Value {
        let mut path = self.parts["path"].clone();
        for method in ["get", "delete"] {
            let id = &mut path[method]["operationId"];
            *id = free_id(id.as_str().unwrap_or_default()).into();
        }
        path
    }

    /// Adds the parts that operations refer to.
    pub(super) fn add_components(&self, components: &mut Value) {
        let own = &self.parts["components"];
        components["parameters"] = own["parameters"].clone();
        components["callbacks"] = own["callbacks"].clone();
        let schemas = components["schemas"].as_object_mut();
        let own_schemas = own["schemas"].as_object().cloned();
        if let (Some(schemas), Some(mut own)) = (schemas, own_schemas) {
            schemas.append(&mut own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_whole() {
        let deferred = DeferredParts::new();
        let mut operation = parse("{\"responses\": {}}");
        deferred.add_to(&mut operation, false);
        assert!(operation["parameters"].is_array());
        assert!(operation["callbacks"].is_object());
        assert!(operation["responses"]["202"].is_object());
        let path = deferred.path(|id| format!("{id}_2"));
        assert_eq!(path["get"]["operationId"], "requests.get_2");
        assert_eq!(path["delete"]["operationId"], "requests.cancel_2");
        let mut components = parse("{\"schemas\": {}}");
        deferred.add_components(&mut components);
        assert!(components["parameters"].is_object());
        assert!(components["callbacks"].is_object());
        for name in SCHEMAS {
            assert!(components["schemas"][name].is_object(), "{name}");
        }
    }
}
