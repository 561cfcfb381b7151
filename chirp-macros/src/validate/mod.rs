//! Every rule that a trait must keep, each reported at its own tokens, all of them together.

mod method;
mod names;
mod streams;
mod types;

pub(crate) use names::{clash, conditional};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{GenericParam, TraitItem, WherePredicate};

use crate::ast::{Service, last_segment};
use crate::fallback::split_visibility;
use crate::mistakes::Mistakes;

/// Where another attribute has rewritten the trait, or is about to.
fn async_trait(service: &Service) -> Option<TokenStream> {
    let item = &service.item;
    let attr = item.attrs.iter().find(|attr| {
        let last = attr.path().segments.last();
        last.is_some_and(|segment| segment.ident == "async_trait")
    });
    if let Some(attr) = attr {
        return Some(attr.to_token_stream());
    }
    let rewritten = service.methods.iter().any(|method| {
        let mut lifetimes = method.item.sig.generics.lifetimes();
        lifetimes.any(|param| param.lifetime.ident == "async_trait")
    });
    rewritten.then(|| item.ident.to_token_stream())
}

pub(crate) fn service(service: &Service, mistakes: &mut Mistakes) {
    let item = &service.item;
    if let Some(tokens) = async_trait(service) {
        // What it makes of the methods is nothing that anybody wrote.
        return mistakes.at(
            tokens,
            "remove `#[async_trait]`, here and from the implementations: the methods of a service are `async fn`s \
             as they are",
        );
    }
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
            TraitItem::Verbatim(tokens) => match split_visibility(tokens) {
                Some((visibility, _)) => mistakes.at(
                    visibility,
                    "a method is as visible as its trait: remove this",
                ),
                None => mistakes.at(tokens, "a service has methods only"),
            },
            other => mistakes.at(other, "a service has methods only"),
        }
    }
    // By another name the compiler tells: see `expand::checks`.
    let codec = service.options.codec.as_ref();
    let raw = codec
        .and_then(|codec| codec.segments.last())
        .is_some_and(|last| last.ident == "Raw");
    for method in &service.methods {
        method::check(method, mistakes);
        if let Some((second, _)) = method.sent().nth(1).filter(|_| raw) {
            mistakes.at(
                &second.typed,
                "the codec `Raw` carries one argument, or none: take the bytes that both are in, or another codec",
            );
        }
    }
    names::check(service, mistakes);
}
