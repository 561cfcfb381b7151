//! Validates a service trait. All mistakes are reported together, each at its own span.

mod method;
mod names;
mod streams;
mod types;

pub(crate) use names::{clash, conditional};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{GenericParam, TraitItem, WherePredicate};

use crate::ast::{ServiceTrait, last_segment};
use crate::fallback::split_visibility;
use crate::mistakes::Mistakes;

/// The tokens to blame if `#[async_trait]` is, or was, applied to the trait.
fn async_trait(service: &ServiceTrait) -> Option<TokenStream> {
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

pub(crate) fn service(service: &ServiceTrait, mistakes: &mut Mistakes) {
    let item = &service.item;
    if let Some(tokens) = async_trait(service) {
        // Its rewritten methods would only cause confusing follow-up errors.
        return mistakes.at(
            tokens,
            "`#[async_trait]` is not supported on a service: remove it here and from the implementations, and write \
             plain `async fn`s",
        );
    }
    if let Some(unsafety) = &item.unsafety {
        mistakes.at(
            unsafety,
            "a service cannot be an `unsafe` trait: remove `unsafe`",
        );
    }
    if let Some(schema) = &service.options.schema
        && let Some(reflect) = &service.options.reflect
        && !reflect.value
    {
        mistakes.at(
            schema,
            "schemas are a part of the description of a service: remove `reflect = false` or `schema`",
        );
    }
    if let Some(auto) = &item.modifiers.auto_token {
        mistakes.at(auto, "a service cannot be an `auto` trait: remove `auto`");
    }
    for param in &item.generics.params {
        match param {
            GenericParam::Type(_) => {}
            GenericParam::Lifetime(_) => mistakes.at(
                param,
                "lifetime parameters are not supported on a service: remove them, and write arguments as `&str`, `&[u8]` or `&T`",
            ),
            GenericParam::Const(_) => {
                mistakes.at(param, "const parameters are not supported on a service: use type parameters");
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
                "bounds on `Self` are not supported here: write a supertrait, `trait Name: Bound`",
            );
        }
    }
    for member in &item.items {
        match member {
            TraitItem::Fn(_) => {}
            TraitItem::Const(constant) => mistakes.at(
                constant,
                "associated constants are not supported in a service: move the constant out of the trait",
            ),
            TraitItem::Type(ty) => mistakes.at(
                ty,
                "associated types are not supported in a service: use concrete types or a type parameter of the trait",
            ),
            TraitItem::Verbatim(tokens) => match split_visibility(tokens) {
                Some((visibility, _)) => mistakes.at(
                    visibility,
                    "visibility is not allowed on trait methods: remove it",
                ),
                None => mistakes.at(tokens, "only methods are supported in a service"),
            },
            other => mistakes.at(other, "only methods are supported in a service"),
        }
    }
    // Through an alias, a generated assertion reports it: see `expand::checks`.
    let codec = service.options.codec.as_ref();
    let raw = codec
        .and_then(|codec| codec.segments.last())
        .is_some_and(|last| last.ident == "Raw");
    for method in &service.methods {
        method::check(method, mistakes);
        if let Some((second, _)) = method.sent().nth(1).filter(|_| raw) {
            mistakes.at(
                &second.typed,
                "the codec `Raw` supports at most one argument: combine them into one, or choose another codec",
            );
        }
    }
    names::check(service, mistakes);
}
