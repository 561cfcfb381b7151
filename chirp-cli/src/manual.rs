use std::collections::BTreeSet;
use std::fmt::Write;

use chirp::reflect::{
    Definition, Description, ErrorDescription, MethodDescription, ServiceDescription, Shape,
    ValueDescription,
};

use crate::output::Styles;
use crate::signature;
use crate::text;

/// Prints a description for readers.
pub(crate) struct Manual<'a> {
    description: &'a Description,
    styles: Styles,
    out: String,
    /// The names of the types that were printed values refer to.
    named: BTreeSet<&'a str>,
}

impl<'a> Manual<'a> {
    pub(crate) fn new(description: &'a Description, styles: Styles) -> Self {
        Self {
            description,
            styles,
            out: String::new(),
            named: BTreeSet::new(),
        }
    }

    /// Returns the text. The heading of a service is left out if `name` is one of its methods.
    pub(crate) fn print(mut self, name: &str) -> String {
        let is_method = self.description.method(name).is_some();
        for (at, service) in self.description.services.iter().enumerate() {
            if at > 0 {
                self.out.push('\n');
            }
            if !is_method {
                self.service(service);
            }
            for (at, method) in service.methods.iter().enumerate() {
                if at > 0 || !is_method {
                    self.out.push('\n');
                }
                self.method(service, method);
            }
        }
        for other in &self.description.others {
            self.line(0, &format!("{}  (not described)", text::one_line(other)));
        }
        self.types();
        self.out
    }

    fn service(&mut self, service: &ServiceDescription) {
        let name = self.styles.name;
        let shown = match &service.name[..] {
            "" => "(no service)",
            shown => shown,
        };
        let ordered = if service.ordered { ", in order" } else { "" };
        let line = format!(
            "{name}{}{name:#}  ({}{ordered})",
            text::one_line(shown),
            text::one_line(&service.codec)
        );
        self.line(0, &line);
        self.documentation(1, &service.documentation);
    }

    fn method(&mut self, service: &ServiceDescription, method: &'a MethodDescription) {
        let line = signature::of_method(method, self.styles);
        self.line(0, &line);
        self.documentation(1, &method.documentation);
        let notes = notes(service, method);
        if !notes.is_empty() {
            self.line(1, &notes.join("; "));
        }
        if !method.arguments.is_empty() {
            self.line(1, "Arguments:");
        }
        for argument in &method.arguments {
            let mut line = signature::of_argument(argument, self.styles);
            line.push_str(&self.shape(&argument.value));
            for alias in &argument.aliases {
                let _ = write!(line, ", also called {}", text::one_line(alias));
            }
            self.line(2, &line);
        }
        let results = [("Result", &method.result), ("Items", &method.items)];
        for (title, value) in results {
            if let Some(value) = value {
                let kind = self.styles.kind;
                let line = format!(
                    "{title}: {kind}{}{kind:#}{}",
                    text::one_line(&value.type_name),
                    self.shape(value)
                );
                self.line(1, &line);
            }
        }
        if !method.errors.is_empty() {
            self.line(1, "Errors:");
        }
        for error in &method.errors {
            self.error(error);
        }
    }

    fn error(&mut self, error: &'a ErrorDescription) {
        let Styles { name, kind, .. } = self.styles;
        let mut line = format!(
            "{:<5} {name}{}{name:#}",
            error.code,
            text::one_line(&error.name)
        );
        let fields: Vec<_> = error
            .fields
            .iter()
            .map(|field| {
                self.collect(&field.value.readable);
                let type_name = text::one_line(&field.value.type_name);
                format!("{}: {kind}{type_name}{kind:#}", text::one_line(&field.name))
            })
            .collect();
        if !fields.is_empty() {
            let _ = write!(line, " {{ {} }}", fields.join(", "));
        }
        if error.raw {
            line.push_str(" with bytes");
        }
        self.line(2, &line);
        self.documentation(3, &error.documentation);
    }

    /// Notes the types of a value, and returns its shape if the written type does not say it.
    fn shape(&mut self, value: &'a ValueDescription) -> String {
        self.collect(&value.readable);
        let shape = value.readable.to_string();
        let is_clear = matches!(value.readable, Shape::Any | Shape::Unit)
            || shape == value.type_name
            || shape == value.type_name.trim_start_matches('&')
            || matches!(&value.readable, Shape::Text if is_text(&value.type_name));
        if is_clear {
            String::new()
        } else {
            let remark = self.styles.remark;
            format!("  {remark}= {}{remark:#}", text::one_line(&shape))
        }
    }

    /// Notes the named types in a shape.
    fn collect(&mut self, shape: &'a Shape) {
        let mut left = vec![shape];
        while let Some(shape) = left.pop() {
            match shape {
                Shape::Optional(inner) | Shape::Sequence(inner) => left.push(inner),
                Shape::Tuple(items) => left.extend(items),
                Shape::Map(key, value) => left.extend([&**key, &**value]),
                Shape::Named(name) => {
                    if self.named.insert(name)
                        && let Some(definition) = self.description.types.readable.get(name)
                    {
                        left.extend(shapes_in(definition));
                    }
                }
                _ => {}
            }
        }
    }

    fn types(&mut self) {
        let Styles { name, .. } = self.styles;
        let types = &self.description.types.readable;
        let found: Vec<_> = std::mem::take(&mut self.named)
            .into_iter()
            .filter_map(|type_name| {
                types
                    .get(type_name)
                    .map(|definition| (type_name, definition))
            })
            .collect();
        if found.is_empty() {
            return;
        }
        self.out.push('\n');
        self.line(0, "Types:");
        for (type_name, definition) in found {
            let definition = text::one_line(&definition.to_string());
            let line = format!("{name}{}{name:#} = {definition}", text::one_line(type_name));
            self.line(1, &line);
        }
    }

    fn documentation(&mut self, level: usize, documentation: &str) {
        let remark = self.styles.remark;
        for line in documentation.trim_end().lines() {
            let line = text::one_line(line.trim_end());
            let line = if line.is_empty() {
                line
            } else {
                format!("{remark}{line}{remark:#}")
            };
            self.line(level, &line);
        }
    }

    /// Adds a line, indented by `level`.
    fn line(&mut self, level: usize, line: &str) {
        if !line.is_empty() {
            self.out.extend(std::iter::repeat_n("  ", level));
            self.out.push_str(line);
        }
        self.out.push('\n');
    }
}

fn notes(service: &ServiceDescription, method: &MethodDescription) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(reason) = &method.deprecated {
        notes.push(match &reason[..] {
            "" => "Deprecated".to_owned(),
            reason => format!("Deprecated: {}", text::one_line(reason)),
        });
    }
    if method.one_way {
        notes.push("No response".to_owned());
    }
    if method.idempotent {
        notes.push("Idempotent".to_owned());
    }
    if let Some(millis) = method.deadline_ms {
        notes.push(format!(
            "Deadline: {:?}",
            std::time::Duration::from_millis(millis)
        ));
    }
    if !method.aliases.is_empty() {
        let aliases: Vec<_> = method
            .aliases
            .iter()
            .map(|alias| text::one_line(alias))
            .collect();
        notes.push(format!("Also called {}", aliases.join(", ")));
    }
    if service.codec == "Raw" {
        notes.push("Bytes without an encoding".to_owned());
    }
    notes
}

fn is_text(type_name: &str) -> bool {
    matches!(type_name, "String" | "&str" | "str" | "Box<str>")
}

/// Returns the shapes in a definition.
fn shapes_in(definition: &Definition) -> Vec<&Shape> {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => vec![shape],
        Definition::Tuple(items) => items.iter().collect(),
        Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) => fields.iter().map(|field| &field.shape).collect(),
        Definition::Enum(variants)
        | Definition::Tagged { variants, .. }
        | Definition::Adjacent { variants, .. } => {
            // A variant has fields, and no variants of its own.
            let has_variants = |definition: &Definition| {
                matches!(
                    definition,
                    Definition::Enum(_) | Definition::Tagged { .. } | Definition::Adjacent { .. }
                )
            };
            let variants = variants
                .iter()
                .filter(|variant| !has_variants(&variant.definition));
            variants
                .flat_map(|variant| shapes_in(&variant.definition))
                .collect()
        }
        _ => Vec::new(),
    }
}
