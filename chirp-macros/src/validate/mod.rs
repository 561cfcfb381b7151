//! Every rule that a trait must keep, each reported at its own tokens, all of them together.

mod method;
mod names;
mod types;

pub(crate) use names::{clash, conditional};

use syn::{GenericParam, TraitItem, WherePredicate};

use crate::ast::{Service, last_segment};
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
    for predicate in item
        .generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates)
    {
        if let WherePredicate::Type(bound) = predicate
            && last_segment(&bound.bounded_ty).is_some_and(|segment| segment.ident == "Self")
        {
            mistakes.at(
                predicate,
                "what an implementation must be is a supertrait: `trait Name: Bound`",
            );
        }
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
