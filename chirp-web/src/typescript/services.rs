//! Clients and handlers of services.

use std::collections::BTreeSet;

use chirp_runtime::reflect::{ArgumentDescription, MethodDescription, ServiceDescription, Shape};

use super::comment::Comment;
use super::errors::{Errors, document};
use super::imports::Imports;
use super::layout::Layout;
use super::names::{Names, camel_case, pascal_case, property, quoted};
use super::types::{Place, Types};

/// The longest name with which a method is called in JSON: `;json` is behind it.
const MAX_NAME: usize = 250;

/// The names of what is written for a service.
#[derive(Debug)]
pub(super) struct ServiceNames {
    client: String,
    handler: String,
    service: String,
    methods: String,
}

impl ServiceNames {
    pub(super) fn new(service: &ServiceDescription, names: &mut Names) -> Self {
        let wanted = match &service.name[..] {
            "" => "Default".to_owned(),
            name => pascal_case(name),
        };
        let [client, handler, service, methods] = names.take_all(&wanted, |name| {
            let small = camel_case(name);
            [
                format!("{name}Client"),
                format!("{name}Handler"),
                format!("{small}Service"),
                format!("{small}Methods"),
            ]
        });
        Self {
            client,
            handler,
            service,
            methods,
        }
    }
}

/// A method with its name in TypeScript.
#[derive(Debug)]
struct Method<'d> {
    name: String,
    description: &'d MethodDescription,
}

/// Writes the methods, the client and the handler of a service.
pub(super) fn write(
    service: &ServiceDescription,
    names: &ServiceNames,
    (types, errors): (&Types<'_>, &Errors<'_>),
    imports: &mut Imports,
    out: &mut String,
) {
    let mut members = Names::of_members(["constructor", "then"]);
    let mut methods = Vec::new();
    let mut refused = Vec::new();
    let prefix = format!("{}.", service.name);
    for description in &service.methods {
        if let Some(reason) = obstacle(description, types) {
            refused.push(format!("{}: {reason}", description.name));
            continue;
        }
        let short = description.name.strip_prefix(&prefix);
        let name = members.take(&camel_case(short.unwrap_or(&description.name)));
        methods.push(Method { name, description });
    }
    imports.add(["Caller", "Service", "service"]);
    if !methods.is_empty() {
        imports.add(["CallContext", "CallOptions", "Method"]);
    }
    for method in &methods {
        let of = method.description;
        if !of.arguments.is_empty() || of.result.is_some() || of.items.is_some() {
            imports.add(["t"]);
        }
        // A stream is given on one side, and got on the other.
        if of.items.is_some() || of.arguments.iter().any(|argument| argument.stream) {
            imports.add(["ItemStream", "Items"]);
        }
    }
    let writer = Writer {
        service,
        names,
        types,
        errors,
        methods: &methods,
        refused: &refused,
    };
    writer.write_methods(out);
    writer.write_client(out);
    writer.write_handler(out);
}

struct Writer<'a> {
    service: &'a ServiceDescription,
    names: &'a ServiceNames,
    types: &'a Types<'a>,
    errors: &'a Errors<'a>,
    methods: &'a [Method<'a>],
    /// Methods that are not written, with the reason.
    refused: &'a [String],
}

impl Writer<'_> {
    fn write_methods(&self, out: &mut String) {
        let methods = &self.names.methods;
        if self.methods.is_empty() {
            put!(out, "\nconst {methods} = {{}};\n");
            return;
        }
        put!(out, "\nconst {methods} = {{\n");
        for method in self.methods {
            out.push_str("  ");
            self.method(method).then(",").write(out, 1);
            out.push('\n');
        }
        out.push_str("};\n");
    }

    fn method(&self, method: &Method<'_>) -> Layout {
        let of = method.description;
        let mut parts = vec![Layout::text(format!("name: {}", quoted(&of.name)))];
        if !of.aliases.is_empty() {
            let aliases = of.aliases.iter().map(|alias| Layout::text(quoted(alias)));
            let aliases = Layout::list("[", aliases.collect(), "]");
            parts.push(Layout::labelled("aliases: ", aliases));
        }
        if !of.arguments.is_empty() {
            let arguments = of.arguments.iter().map(|argument| self.parameter(argument));
            let arguments = Layout::list("[", arguments.collect(), "]");
            parts.push(Layout::labelled("parameters: ", arguments));
        }
        if of.params {
            parts.push(Layout::text("params: true"));
        }
        if let Some(items) = &of.items {
            let constant = self.types.constant_of(&items.readable, Place::Whole);
            parts.push(Layout::labelled("items: ", constant));
        } else if let Some(result) = &of.result {
            let constant = match &result.readable {
                Shape::Unit => Layout::text("t.unit"),
                shape => self.types.constant_of(shape, Place::Whole),
            };
            parts.push(Layout::labelled("result: ", constant));
        }
        if !of.errors.is_empty() {
            let mut seen = BTreeSet::new();
            let classes = of.errors.iter();
            let classes = classes.filter_map(|error| self.errors.class_of(error));
            let classes = classes.filter(|class| seen.insert(*class));
            let classes = Layout::list("[", classes.map(Layout::text).collect(), "]");
            parts.push(Layout::labelled("errors: ", classes));
        }
        if of.one_way {
            parts.push(Layout::text("oneWay: true"));
        }
        if of.idempotent {
            parts.push(Layout::text("idempotent: true"));
        }
        if let Some(deadline) = of.deadline_ms {
            parts.push(Layout::text(format!("deadline: {deadline}")));
        }
        if self.service.codec == "Json" {
            parts.push(Layout::text("json: true"));
        }
        Layout::Row(vec![
            Layout::text(format!("{}: ", property(&method.name))),
            Layout::object(parts),
            Layout::text(" satisfies Method<"),
            self.result(of),
            Layout::text(">"),
        ])
    }

    fn parameter(&self, argument: &ArgumentDescription) -> Layout {
        let constant = self
            .types
            .constant_of(&argument.value.readable, Place::Whole);
        let mut parts = vec![
            Layout::text(format!("name: {}", quoted(&argument.name))),
            Layout::labelled("type: ", constant),
        ];
        if !argument.required {
            parts.push(Layout::text("optional: true"));
        }
        if argument.stream {
            parts.push(Layout::text("stream: true"));
        }
        Layout::object(parts)
    }

    /// The type of a result, or of the items that are the result.
    fn result(&self, of: &MethodDescription) -> Layout {
        match (&of.items, &of.result) {
            (Some(items), _) => self.types.type_of(&items.readable),
            (None, None) => Layout::text("void"),
            (None, Some(result)) if result.readable == Shape::Unit => Layout::text("void"),
            (None, Some(result)) => self.types.type_of(&result.readable),
        }
    }

    /// The arguments by name, with their types, and the names alone.
    fn arguments(&self, of: &MethodDescription, side: Side) -> Arguments {
        let mut names = Names::of_parameters([self.names.methods.as_str()]);
        let mut arguments = Arguments::default();
        let (stream, last) = match side {
            Side::Caller => ("Items", ["options", "callOptions"]),
            Side::Callee => ("ItemStream", ["context", "callContext"]),
        };
        let required = match side {
            Side::Caller => of.arguments.iter().rposition(|argument| argument.required),
            // The context is behind the arguments.
            Side::Callee => Some(of.arguments.len()),
        };
        for (at, argument) in of.arguments.iter().enumerate() {
            let name = names.take(&camel_case(&argument.name));
            let mut ty = self.types.type_of(&argument.value.readable);
            if argument.stream {
                ty = Layout::Row(vec![
                    Layout::text(format!("{stream}<")),
                    ty,
                    Layout::text(">"),
                ]);
            }
            let mark = match (argument.required, required) {
                (true, _) => "",
                // A parameter that may be missing cannot be in front of others.
                (false, Some(last)) if at < last => {
                    let mut parts = match ty {
                        Layout::Union(parts) => parts,
                        ty => vec![ty],
                    };
                    parts.push(Layout::text("undefined"));
                    ty = Layout::Union(parts);
                    ""
                }
                (false, _) => "?",
            };
            arguments
                .typed
                .push(Layout::labelled(format!("{name}{mark}: "), ty));
            arguments.names.push(name);
        }
        let [usual, other] = last;
        arguments.last = names.try_take(usual).unwrap_or_else(|| names.take(other));
        arguments
    }

    /// The documentation of a method for its callers.
    fn comment(&self, of: &MethodDescription, arguments: &Arguments) -> Comment {
        let mut comment = Comment::new(&of.documentation);
        if of.one_way {
            comment.paragraph("One way: there is no answer.");
        }
        if let Some(deadline) = of.deadline_ms {
            comment.paragraph(&format!(
                "A call may take {deadline} ms, unless it sets a time limit of its own."
            ));
        }
        for (argument, name) in of.arguments.iter().zip(&arguments.names) {
            let ty = &argument.value.type_name;
            let stream = if argument.stream {
                "A stream of `"
            } else {
                "`"
            };
            comment.tag("param", &format!("{name} - {stream}{ty}`"));
        }
        let result = of.items.as_ref().or(of.result.as_ref());
        if let Some(result) = result.filter(|result| result.type_name != "()") {
            let text = if of.items.is_some() {
                "A stream of "
            } else {
                ""
            };
            comment.tag("returns", &format!("{text}`{}`", result.type_name));
        }
        document(self.errors, &of.errors, &mut comment);
        if let Some(reason) = &of.deprecated {
            comment.tag("deprecated", reason);
        }
        comment
    }

    fn write_client(&self, out: &mut String) {
        let ServiceNames {
            client, methods, ..
        } = self.names;
        out.push('\n');
        self.write_comment("called on the other side", out);
        put!(
            out,
            "export class {client} {{\n  readonly #caller: Caller;\n\n  constructor(caller: Caller) {{\n    \
             this.#caller = caller;\n  }}\n"
        );
        for method in self.methods {
            let of = method.description;
            let mut arguments = self.arguments(of, Side::Caller);
            out.push('\n');
            self.comment(of, &arguments).write(out, 1);
            arguments
                .typed
                .push(Layout::text(format!("{}?: CallOptions", arguments.last)));
            let (function, result) = match (of.one_way, &of.items) {
                (true, _) => ("send", "Promise"),
                (false, Some(_)) => ("stream", "ItemStream"),
                (false, None) => ("call", "Promise"),
            };
            out.push_str("  ");
            let head = Layout::Row(vec![
                Layout::text(property(&method.name)),
                Layout::list("(", arguments.typed, ")"),
                Layout::text(format!(": {result}<")),
                self.result(of),
                Layout::text("> {"),
            ]);
            head.write(out, 1);
            out.push_str("\n    ");
            let given = arguments.names.into_iter().map(Layout::text).collect();
            let body = vec![
                Layout::text(access(methods, &method.name)),
                Layout::list("[", given, "]"),
                Layout::text(arguments.last),
            ];
            let body = Layout::list(format!("return this.#caller.{function}("), body, ");");
            body.write(out, 2);
            out.push_str("\n  }\n");
        }
        out.push_str("}\n");
    }

    fn write_handler(&self, out: &mut String) {
        let ServiceNames {
            handler,
            service,
            methods,
            ..
        } = self.names;
        out.push('\n');
        self.write_comment("served by this side", out);
        put!(out, "export interface {handler} {{\n");
        for (at, method) in self.methods.iter().enumerate() {
            let of = method.description;
            let mut arguments = self.arguments(of, Side::Callee);
            if at > 0 {
                out.push('\n');
            }
            self.comment(of, &arguments).write(out, 1);
            arguments
                .typed
                .push(Layout::text(format!("{}: CallContext", arguments.last)));
            let (open, close) = match of.items {
                Some(_) => ("Items<", ">"),
                None => ("", ""),
            };
            let result = || Layout::labelled(open, self.result(of)).then(close);
            out.push_str("  ");
            let head = Layout::Row(vec![
                Layout::text(property(&method.name)),
                Layout::list("(", arguments.typed, ")"),
                Layout::text(": "),
                result(),
                Layout::text(" | Promise<"),
                result(),
                Layout::text(">;"),
            ]);
            head.write(out, 1);
            out.push('\n');
        }
        out.push_str("}\n\n");
        let shown = match &self.service.name[..] {
            "" => "of these methods".to_owned(),
            name => format!("`{name}`"),
        };
        Comment::new(&format!(
            "Creates the service {shown} from its implementation."
        ))
        .write(out, 0);
        put!(
            out,
            "export function {service}(handler: {handler}): Service {{\n  return service({methods}, handler);\n}}\n"
        );
    }

    fn write_comment(&self, side: &str, out: &mut String) {
        let name = match &self.service.name[..] {
            "" => "Methods without a common name",
            name => &format!("The service `{name}`"),
        };
        let mut comment = Comment::new(&self.service.documentation);
        comment.paragraph(&format!("{name}, {side}."));
        if self.service.ordered {
            comment.paragraph("The methods run one after another on each connection.");
        }
        if !self.refused.is_empty() {
            comment.paragraph("Methods that have no form in TypeScript are left out:");
            for method in self.refused {
                comment.item(method);
            }
        }
        comment.write(out, 0);
    }
}

/// The side for which a method is written.
#[derive(Clone, Copy, Debug)]
enum Side {
    Caller,
    Callee,
}

#[derive(Debug, Default)]
struct Arguments {
    typed: Vec<Layout>,
    names: Vec<String>,
    /// The name of the parameter behind the arguments.
    last: String,
}

fn access(object: &str, member: &str) -> String {
    format!("{object}.{member}")
}

/// Returns whether an argument is the sending half of a stream. In JSON such a half is a number, which has no meaning here.
fn is_sender(argument: &ArgumentDescription) -> bool {
    let ty = &argument.value.type_name;
    let path = ty.split('<').next().unwrap_or_default().trim_end();
    argument.value.readable == Shape::U32 && path.rsplit("::").next() == Some("Sender")
}

/// Returns why a method cannot be called from TypeScript.
fn obstacle(method: &MethodDescription, types: &Types<'_>) -> Option<String> {
    if method.name.len() > MAX_NAME {
        return Some(format!("its name is longer than {MAX_NAME} bytes"));
    }
    if let Some(argument) = method.arguments.iter().find(|argument| is_sender(argument)) {
        let name = &argument.name;
        return Some(format!(
            "`{name}` is a stream that the method sends: let the stream be the result"
        ));
    }
    let arguments = method.arguments.iter().map(|argument| &argument.value);
    let mut values = arguments.chain(&method.result).chain(&method.items);
    let key = values.find_map(|value| types.find_unfit_key(&value.readable))?;
    Some(format!(
        "keys of maps are text in JSON, and here they are {key}"
    ))
}
