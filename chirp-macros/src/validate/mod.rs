//! Every rule that a trait must keep, each reported at its own tokens, all of them together.

mod method;
mod names;
mod types;

pub(crate) use names::{clash, conditional};

use syn::TraitItem;

use crate::ast::Service;
use crate::mistakes::Mistakes;

pub(crate) fn service(service: &Service, mistakes: &mut Mistakes) {
    let item = &service.item;
    if let Some(unsafety) = &item.unsafety {
        mistakes.at(unsafety, "a service is no `unsafe` trait: remove `unsafe`");
    }
    if let Some(auto) = &item.modifiers.auto_token {
        mistakes.at(auto, "a service is no `auto` trait: remove `auto`");
    }
    if !item.generics.params.is_empty() {
        mistakes.at(
            &item.generics.params,
            "a service has no parameters yet: name the types, one trait for each",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        mistakes.at(clause, "a service has no `where` clause: remove it");
    }
    for member in &item.items {
        match member {
            TraitItem::Fn(_) => {}
            TraitItem::Const(constant) => mistakes.at(
                constant,
                "a service has methods only: put the constant beside the trait",
            ),
            TraitItem::Type(ty) => mistakes.at(
                ty,
                "a service has methods only: a caller could not know an associated type; name the type itself",
            ),
            other => mistakes.at(other, "a service has methods only"),
        }
    }
    for method in &service.methods {
        method::check(method, mistakes);
    }
    names::check(service, mistakes);
}
