//! Every rule that a trait must keep, each reported at its own tokens, all of them together.

mod method;
mod names;
mod types;

pub(crate) use names::{clash, conditional};

use syn::{GenericParam, TraitItem};

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
    for param in &item.generics.params {
        match param {
            GenericParam::Type(_) => {}
            GenericParam::Lifetime(_) => mistakes.at(
                param,
                "a service has no lifetimes: what travels owns what it has",
            ),
            GenericParam::Const(_) => {
                mistakes.at(param, "a service has type parameters only");
            }
        }
    }
    if let Some(clause) = &item.generics.where_clause {
        mistakes.at(
            clause,
            "a service has no `where` clause: put bounds on the parameters themselves",
        );
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
