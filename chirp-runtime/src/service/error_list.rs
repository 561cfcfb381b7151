use super::described_service::text;
use crate::codec::{DescribeErrors, FindShape, Form};
use crate::reflect::{ErrorDescription, ErrorField, Shape, ShapeTables, Shapes, ValueDescription};

/// The descriptions of a method's errors.
#[derive(Debug)]
pub struct ErrorList<'a> {
    tables: &'a mut ShapeTables,
    errors: Vec<ErrorDescription>,
}

impl<'a> ErrorList<'a> {
    pub(super) fn new(tables: &'a mut ShapeTables) -> Self {
        Self {
            tables,
            errors: Vec::new(),
        }
    }

    /// Returns the errors, each once: items may have the errors of their method.
    pub(super) fn into_errors(self) -> Vec<ErrorDescription> {
        let mut errors: Vec<ErrorDescription> = Vec::new();
        for error in self.errors {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        errors
    }
}

impl DescribeErrors for ErrorList<'_> {
    fn error(&mut self, code: u16, name: &str, documentation: &str, raw: bool) {
        self.errors.push(ErrorDescription {
            code,
            name: name.to_owned(),
            documentation: text(documentation),
            raw,
            ..ErrorDescription::default()
        });
    }

    fn number(&mut self, number: i32) {
        if let Some(error) = self.errors.last_mut() {
            error.jsonrpc = Some(number);
        }
    }

    fn http_status(&mut self, status: u16) {
        if let Some(error) = self.errors.last_mut() {
            error.http_status = Some(status);
        }
    }

    fn field<F: Form>(&mut self, name: &str, type_name: &str) {
        let readable = F::shape(&mut self.tables.readable);
        let compact = F::shape(&mut self.tables.compact);
        let value = ValueDescription::new(type_name, readable, compact);
        if let Some(error) = self.errors.last_mut() {
            error.fields.push(ErrorField::new(name, value));
        }
    }
}

impl FindShape for Shapes {
    type Shape = Shape;

    fn of_type<T: serde::de::DeserializeOwned>(&mut self) -> Shape {
        self.add::<T>()
    }

    fn bytes(&mut self) -> Shape {
        Shape::Bytes
    }

    fn optional(&mut self, inner: Shape) -> Shape {
        Shape::Optional(Box::new(inner))
    }
}
