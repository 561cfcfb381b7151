use std::collections::HashMap;

use syn::{FnArg, Ident, Pat, Receiver, ReceiverKind, Safety, Type};

use super::{streams, types};
use crate::args::is_chirp;
use crate::ast::{ArgumentForm, MethodArgument, Output, ServiceMethod, last_segment};
use crate::mistakes::Mistakes;

pub(super) fn check(method: &ServiceMethod, mistakes: &mut Mistakes) {
    let signature = &method.item.sig;
    if let Some(constness) = &signature.constness {
        mistakes.at(
            constness,
            "`const` methods are not supported in a service: remove `const`",
        );
    }
    match &signature.safety {
        Safety::Unsafe(token) => {
            mistakes.at(
                token,
                "`unsafe` methods are not supported in a service: a remote caller cannot uphold a safety contract",
            );
        }
        Safety::Safe(token) => mistakes.at(token, "`safe` is not supported on a method: remove it"),
        Safety::Default => {}
    }
    if let Some(abi) = &signature.abi {
        mistakes.at(
            abi,
            "an ABI is not supported on a method of a service: remove it",
        );
    }
    if let Some(variadic) = &signature.variadic {
        mistakes.at(variadic, "variadic methods are not supported in a service");
    }
    if !signature.generics.params.is_empty() {
        mistakes.at(
            &signature.generics.params,
            "generic methods are not supported in a service: use concrete types, and `&str`, `&[u8]` or `&T` without \
             named lifetimes",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        mistakes.at(
            clause,
            "`where` clauses are not supported on a method of a service",
        );
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) => check_receiver(receiver, mistakes),
        _ => mistakes.at(
            &signature.ident,
            "missing `&self`: every method of a service takes `&self`",
        ),
    }
    for argument in &method.arguments {
        check_argument(argument, method.named, mistakes);
        match (&argument.form, &*argument.typed.ty) {
            (Some(_), ty) => types::check_argument(ty, mistakes),
            (None, Type::Reference(context)) if context.mutability.is_some() => {
                mistakes.at(context, "the call context is read-only: use `&CallContext`");
            }
            (None, Type::Reference(context)) => types::check_reference(context, mistakes),
            (None, _) => {}
        }
    }
    check_output(method, mistakes);
    check_options(method, mistakes);
    streams::check_options(method, mistakes);
    check_names(method, mistakes);
}

/// Checks the names of named arguments.
fn check_names(method: &ServiceMethod, mistakes: &mut Mistakes) {
    let mut taken = HashMap::new();
    for (argument, _) in method.sent().filter(|_| method.named) {
        for name in argument.names() {
            let ident = argument.ident();
            if let Some(first) = taken.insert(name.clone(), ident.clone()) {
                mistakes.at(
                    &argument.typed,
                    format!(
                        "duplicate argument name on the wire: `{ident}` and `{first}` are both sent as `{name}`"
                    ),
                );
            }
        }
    }
}

fn check_options(method: &ServiceMethod, mistakes: &mut Mistakes) {
    let (options, signature) = (&method.options, &method.item.sig);
    if let (Some(blocking), Some(_)) = (&options.blocking, &signature.asyncness) {
        mistakes.at(
            blocking,
            "`blocking` is for methods that are not `async`: remove `async` or `blocking`",
        );
    }
    if let Some(params) = &options.params {
        check_params(method, params, mistakes);
    }
    if let (Some(_), Some(deadline)) = (&options.oneway, &options.deadline) {
        mistakes.at(
            deadline,
            "a one-way method has no reply to wait for: remove `deadline` or `oneway`",
        );
    }
}

/// Checks a method whose argument is all of the parameters.
fn check_params(method: &ServiceMethod, params: &Ident, mistakes: &mut Mistakes) {
    if method.options.named.is_some() {
        mistakes.at(
            params,
            "with `params` the parameters are the argument itself, without its name: remove `named` or `params`",
        );
    }
    let mut sent = method.sent();
    match (sent.next(), sent.count()) {
        (Some((_, ArgumentForm::Stream { .. })), 0) => mistakes.at(
            params,
            "a stream cannot be the parameters of a method: remove `params`",
        ),
        (Some(_), 0) => {}
        (None, _) => mistakes.at(
            params,
            "`params` is for methods with one argument, which is the parameters: remove `params`, since this method has \
             none",
        ),
        (Some(_), others) => mistakes.at(
            params,
            format!(
                "`params` is for methods with one argument, which is the parameters: this method has {}; put them in a \
                 struct, or use `named`",
                others + 1
            ),
        ),
    }
}

fn check_receiver(receiver: &Receiver, mistakes: &mut Mistakes) {
    let message = match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => return,
        ReceiverKind::Reference(_, _, Some(_)) => {
            "`&mut self` is not supported, since a service is called from many tasks at once: take `&self` and keep mutable state behind a lock"
        }
        ReceiverKind::Value => {
            "`self` by value is not supported, since a service is called many times: take `&self`"
        }
        _ => "unsupported receiver: take `&self`",
    };
    mistakes.at(receiver, message);
}

fn check_argument(
    MethodArgument { typed, form, .. }: &MethodArgument,
    named: bool,
    mistakes: &mut Mistakes,
) {
    let sent = form.is_some();
    for attr in &typed.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            mistakes.at(
                attr,
                "`cfg` on an argument would change the wire format: put `#[cfg(..)]` on the method",
            );
        } else if is_chirp(attr) {
            mistakes.at(attr, "`#[chirp(..)]` is not supported on an argument");
        } else if attr.path().is_ident("serde") && !sent {
            mistakes.at(attr, "the call context is not sent: remove this attribute");
        } else if attr.path().is_ident("serde") && !named {
            mistakes.at(
                attr,
                "serde attributes need named arguments: mark the method `#[chirp(named)]`",
            );
        }
    }
    match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
            if let Some(mutability) = &pat.mutability {
                mistakes.at(
                    mutability,
                    "`mut` is not allowed on an argument of a trait method: rebind it inside the body",
                );
            }
        }
        Pat::Wild(wild) => mistakes.at(
            wild,
            "arguments must be named: write for example `_unused`",
        ),
        other => mistakes.at(
            other,
            "patterns are not supported as arguments: use a name and destructure it inside the body",
        ),
    }
}

fn check_output(method: &ServiceMethod, mistakes: &mut Mistakes) {
    if let Some(oneway) = &method.options.oneway
        && method.items.is_none()
        && !matches!(&method.output, Output::Value(None))
        && !matches!(&method.output, Output::Value(Some(Type::Tuple(tuple))) if tuple.elems.is_empty())
    {
        mistakes.at(
            oneway,
            "a one-way method cannot return a value: remove the return type or `oneway`",
        );
    }
    if let Some(items) = &method.items {
        check_types(items, types::check_item, mistakes);
    }
    check_types(&method.output, types::check_result, mistakes);
}

/// Checks the types of a result or of a stream item.
fn check_types(output: &Output, check: fn(&Type, &mut Mistakes), mistakes: &mut Mistakes) {
    match output {
        Output::Value(None) => {}
        Output::Value(Some(ty)) => check(ty, mistakes),
        Output::Result { ok, error } => {
            check(ok, mistakes);
            types::check_error(error, mistakes);
        }
        Output::Alias { ok, whole } => {
            if let Some(ok) = ok {
                check(ok, mistakes);
            }
            if let Some(ok) = ok
                && last_segment(ok).is_some_and(|segment| segment.ident == "Self")
            {
                mistakes.at(whole, "`Self` is not supported here: name the type");
            }
        }
    }
}
