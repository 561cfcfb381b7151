use std::collections::HashMap;

use syn::{FnArg, Pat, Receiver, ReceiverKind, Safety, Type};

use super::{streams, types};
use crate::args::is_chirp;
use crate::ast::{Argument, Method, Output, last_segment};
use crate::mistakes::Mistakes;

pub(super) fn check(method: &Method, mistakes: &mut Mistakes) {
    let signature = &method.item.sig;
    if let Some(constness) = &signature.constness {
        mistakes.at(constness, "a method of a service is not `const`: remove it");
    }
    match &signature.safety {
        Safety::Unsafe(token) => {
            mistakes.at(
                token,
                "a method of a service is safe: whoever calls it from afar can promise nothing",
            );
        }
        Safety::Safe(token) => mistakes.at(token, "remove `safe`"),
        Safety::Default => {}
    }
    if let Some(abi) = &signature.abi {
        mistakes.at(
            abi,
            "a method of a service is an ordinary `fn`: remove the ABI",
        );
    }
    if let Some(variadic) = &signature.variadic {
        mistakes.at(variadic, "a call has a fixed number of arguments");
    }
    if !signature.generics.params.is_empty() {
        mistakes.at(
            &signature.generics.params,
            "a method of a service has no parameters of its own: a call names no types, and arguments are \
             lent for the call; write the types themselves",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        mistakes.at(clause, "a method of a service has no `where` clause");
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) => check_receiver(receiver, mistakes),
        _ => mistakes.at(
            &signature.ident,
            "a method of a service takes `&self`: it is called on an implementation",
        ),
    }
    for argument in &method.arguments {
        check_argument(argument, method.named, mistakes);
        match (&argument.form, &*argument.typed.ty) {
            (Some(_), ty) => types::check_argument(ty, mistakes),
            (None, Type::Reference(context)) if context.mutability.is_some() => {
                mistakes.at(
                    context,
                    "the context of a call is lent to be read: take `&CallContext`",
                );
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

/// Of arguments that travel by name.
fn check_names(method: &Method, mistakes: &mut Mistakes) {
    let mut taken = HashMap::new();
    for (argument, _) in method.sent().filter(|_| method.named) {
        for name in argument.names() {
            let ident = argument.ident();
            if let Some(first) = taken.insert(name.clone(), ident.clone()) {
                mistakes.at(
                    &argument.typed,
                    format!(
                        "`{ident}` travels as `{name}`, and so does `{first}`: choose another name"
                    ),
                );
            }
        }
    }
}

fn check_options(method: &Method, mistakes: &mut Mistakes) {
    let (options, signature) = (&method.options, &method.item.sig);
    if let (Some(blocking), Some(_)) = (&options.blocking, &signature.asyncness) {
        mistakes.at(
            blocking,
            "an `async fn` does not block its thread: remove `async`, or remove `blocking`",
        );
    }
    if let (Some(_), Some(deadline)) = (&options.oneway, &options.deadline) {
        mistakes.at(
            deadline,
            "nobody waits for a one-way method: remove `deadline`, or remove `oneway`",
        );
    }
}

fn check_receiver(receiver: &Receiver, mistakes: &mut Mistakes) {
    let message = match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => return,
        ReceiverKind::Reference(_, _, Some(_)) => {
            "a service is called from many tasks at once: take `&self`, and keep what changes behind a lock"
        }
        ReceiverKind::Value => "a service is called many times: take `&self`",
        _ => "a method of a service takes `&self`",
    };
    mistakes.at(receiver, message);
}

fn check_argument(Argument { typed, form, .. }: &Argument, named: bool, mistakes: &mut Mistakes) {
    let sent = form.is_some();
    for attr in &typed.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            mistakes.at(
                attr,
                "what travels must not depend on how a program was built: put `#[cfg(..)]` on the method",
            );
        } else if is_chirp(attr) {
            mistakes.at(attr, "an argument has no options of Chirp's");
        } else if attr.path().is_ident("serde") && !sent {
            mistakes.at(attr, "the context of a call is not sent: it has no options");
        } else if attr.path().is_ident("serde") && !named {
            mistakes.at(
                attr,
                "arguments travel by position, where serde's options say nothing: mark the method `#[chirp(named)]`",
            );
        }
    }
    match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
            if let Some(mutability) = &pat.mutability {
                mistakes.at(
                    mutability,
                    "a trait's argument is not `mut`: bind it again inside the body",
                );
            }
        }
        Pat::Wild(wild) => mistakes.at(
            wild,
            "an argument of a service has a name: write e.g. `_unused`",
        ),
        other => mistakes.at(
            other,
            "an argument of a service has a name, not a pattern: take it apart inside the body",
        ),
    }
}

fn check_output(method: &Method, mistakes: &mut Mistakes) {
    if let Some(oneway) = &method.options.oneway
        && method.items.is_none()
        && !matches!(&method.output, Output::Value(None))
        && !matches!(&method.output, Output::Value(Some(Type::Tuple(tuple))) if tuple.elems.is_empty())
    {
        mistakes.at(
            oneway,
            "nobody waits for the result of a one-way method: return nothing, or remove `oneway`",
        );
    }
    if let Some(items) = &method.items {
        check_types(items, types::check_item, mistakes);
    }
    check_types(&method.output, types::check_result, mistakes);
}

/// The types that a result has, or an item of a stream.
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
                mistakes.at(whole, "name the type itself");
            }
        }
    }
}
