use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::{Contract, ErrorList, MethodTable, ServiceTable, ValueTable};
use crate::peer::{MethodId, ReflectedService};
use crate::reflect::{
    ArgumentDescription, Definition, Description, MethodDescription, Notation, ServiceDescription,
    Shape, ShapeTables, Shapes, ValueDescription,
};

/// An instance of a service that can be described.
pub(super) struct DescribedService {
    table: &'static ServiceTable,
    contract: Contract,
    /// The name of the instance. Empty if its methods have no common name.
    name: String,
    /// For each method, the reason why it cannot be called in JSON.
    obstacles: Box<[OnceLock<Option<String>>]>,
}

impl DescribedService {
    pub(super) fn new(table: &'static ServiceTable, contract: Contract, name: String) -> Self {
        Self {
            table,
            contract,
            name,
            obstacles: table.methods.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Describes the service with all methods. `name` returns the name of a method.
    pub(super) fn description(&self, name: impl Fn(MethodId) -> String) -> Description {
        let mut tables = ShapeTables::new();
        let mut service = self.describe();
        let methods = self.contract.methods().iter().enumerate();
        service.methods = methods
            .map(|(index, signature)| {
                let mut method = self.describe_method(index, &mut tables);
                method.name = name(signature.id());
                method
            })
            .collect();
        Description {
            version: Description::VERSION,
            services: vec![service],
            others: Vec::new(),
            types: tables.definitions(),
        }
    }
}

impl ReflectedService for DescribedService {
    fn describe(&self) -> ServiceDescription {
        let mut service = ServiceDescription::default();
        service.name.clone_from(&self.name);
        service.documentation = text(self.table.documentation);
        service.codec = format!("{:?}", self.table.codec);
        service.ordered = self.table.ordered;
        service
    }

    fn describe_method(&self, index: usize, tables: &mut ShapeTables) -> MethodDescription {
        let mut description = MethodDescription::default();
        let Some(method) = self.table.methods.get(index) else {
            return description;
        };
        description.documentation = text(method.documentation);
        let names = method.arguments.names.iter();
        let arguments = names.zip(method.arguments.optional).zip(method.values);
        description.arguments = arguments
            .map(|((names, optional), of)| {
                let value = value(of, tables);
                let mut argument = ArgumentDescription::new(names[0], value);
                argument.aliases = names[1..].iter().map(|&name| name.to_owned()).collect();
                argument.stream = of.stream;
                argument.required = !optional;
                argument
            })
            .collect();
        description.result = method.result.as_ref().map(|of| value(of, tables));
        description.items = method.items.as_ref().map(|of| value(of, tables));
        let mut errors = ErrorList::new(tables);
        for describe in method.errors {
            describe(&mut errors);
        }
        description.errors = errors.into_errors();
        description.named = method.named;
        description.params = method.params;
        description.deadline_ms = method
            .deadline
            .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        description.deprecated = method.deprecated.map(str::to_owned);
        if let Some(signature) = self.contract.methods().get(index) {
            description.one_way = signature.is_oneway();
            description.idempotent = signature.is_idempotent();
            description.fingerprint = Some(format!("{:016x}", signature.fingerprint()));
        }
        description
    }

    fn json_obstacle(&self, index: usize) -> Option<&str> {
        let obstacle = self.obstacles.get(index)?;
        let method = self.table.methods.get(index)?;
        obstacle.get_or_init(|| find_obstacle(method)).as_deref()
    }
}

fn value(of: &ValueTable, tables: &mut ShapeTables) -> ValueDescription {
    let readable = (of.shape)(&mut tables.readable);
    let compact = (of.shape)(&mut tables.compact);
    let mut value = ValueDescription::new(of.type_name, readable, compact);
    value.schema = of.schema.map(|schema| schema());
    value
}

/// Returns documentation without the space that begins each line of a comment.
pub(super) fn text(documentation: &str) -> String {
    let lines = documentation.lines();
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let lines: Vec<_> = lines.map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// Finds a value of a method that JSON cannot hold. Otherwise a method would run before its result is found not to be one.
fn find_obstacle(method: &MethodTable) -> Option<String> {
    let mut shapes = Shapes::new(Notation::Readable);
    let names = method.arguments.names.iter();
    let arguments = method.values.iter().zip(names);
    let arguments = arguments.map(|(value, names)| (format!("argument `{}`", names[0]), value));
    let result = method
        .result
        .iter()
        .map(|value| ("the result".to_owned(), value));
    let items = method
        .items
        .iter()
        .map(|value| ("the items".to_owned(), value));
    arguments.chain(result).chain(items).find_map(|(part, value)| {
        let shape = (value.shape)(&mut shapes);
        let key = find_key(&shape, &shapes, &mut BTreeSet::new())?;
        Some(format!(
            "{part} ({}) has a map with keys of the shape {key}, and keys in JSON are text: use a list of pairs",
            value.type_name
        ))
    })
}

/// Finds the shape of keys that are no text in JSON.
fn find_key<'s>(
    shape: &'s Shape,
    shapes: &'s Shapes,
    seen: &mut BTreeSet<&'s str>,
) -> Option<&'s Shape> {
    match shape {
        Shape::Map(key, _) if !is_key(key, shapes) => Some(key),
        Shape::Map(_, inner) | Shape::Optional(inner) | Shape::Sequence(inner) => {
            find_key(inner, shapes, seen)
        }
        Shape::Tuple(items) => items.iter().find_map(|item| find_key(item, shapes, seen)),
        Shape::Named(name) if seen.insert(name) => find_key_in(shapes.get(name)?, shapes, seen),
        _ => None,
    }
}

fn find_key_in<'s>(
    definition: &'s Definition,
    shapes: &'s Shapes,
    seen: &mut BTreeSet<&'s str>,
) -> Option<&'s Shape> {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => find_key(shape, shapes, seen),
        Definition::Unit => None,
        Definition::Tuple(items) => items.iter().find_map(|item| find_key(item, shapes, seen)),
        Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) => {
            let mut fields = fields.iter();
            fields.find_map(|field| find_key(&field.shape, shapes, seen))
        }
        Definition::Enum(variants)
        | Definition::Tagged { variants, .. }
        | Definition::Adjacent { variants, .. } => {
            let mut variants = variants.iter();
            variants.find_map(|variant| find_key_in(&variant.definition, shapes, seen))
        }
    }
}

/// Returns whether values of a shape can be keys in JSON. Where that depends on the value, they can.
fn is_key(shape: &Shape, shapes: &Shapes) -> bool {
    match shape {
        Shape::Unit | Shape::Bytes | Shape::Sequence(_) | Shape::Tuple(_) | Shape::Map(..) => false,
        Shape::Named(name) => match shapes.get(name) {
            // A newtype may contain itself.
            Some(
                Definition::Newtype(Shape::Named(_)) | Definition::Alias(_) | Definition::Enum(_),
            )
            | None => true,
            Some(Definition::Newtype(inner)) => is_key(inner, shapes),
            Some(
                Definition::Unit
                | Definition::Tuple(_)
                | Definition::Struct(_)
                | Definition::StrictStruct(_)
                | Definition::OpenStruct(_)
                | Definition::Tagged { .. }
                | Definition::Adjacent { .. },
            ) => false,
        },
        _ => true,
    }
}
