//! What may stand in a signature: what can be decoded at the other side, and lent for the time of a call.

use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, Type, TypeReference};

use super::streams;
use crate::ast::{inner_type, last_segment};
use crate::mistakes::Mistakes;

pub(super) fn check_argument(ty: &Type, mistakes: &mut Mistakes) {
    if let Some(message) = streams::of_argument(ty) {
        return mistakes.at(ty, message);
    }
    match ty {
        Type::Paren(paren) => check_argument(&paren.elem, mistakes),
        Type::Reference(reference) => {
            check_reference(reference, mistakes);
            match &*reference.elem {
                Type::Slice(slice) => check_owned(&slice.elem, mistakes),
                // Lent as it is: `&Cow<str>` is as good as `Cow<str>`.
                elem if is_cow(elem) => {}
                elem => check_owned(elem, mistakes),
            }
        }
        Type::Path(path) if path.path.is_ident("str") => {
            mistakes.at(ty, "text travels as `&str` or `String`");
        }
        _ if is_cow(ty) => {}
        Type::Path(_) if option_of_reference(ty).is_some() => {
            if let Some(inner) = option_of_reference(ty) {
                check_argument(inner, mistakes);
            }
        }
        _ if last_segment(ty).is_some_and(|segment| segment.ident == "CallContext") => {
            mistakes.at(ty, "the context of a call is lent: take `&CallContext`");
        }
        _ => check_owned(ty, mistakes),
    }
}

pub(super) fn check_result(ty: &Type, mistakes: &mut Mistakes) {
    match streams::of_result(ty) {
        Some(message) => mistakes.at(ty, message),
        None => check_returned(ty, "a result", mistakes),
    }
}

/// An item of a stream that a method returns.
pub(super) fn check_item(ty: &Type, mistakes: &mut Mistakes) {
    check_returned(ty, "an item", mistakes);
}

fn check_returned(ty: &Type, what: &str, mistakes: &mut Mistakes) {
    let borrowed =
        |owned: String| format!("{what} travels, so it cannot be borrowed: return `{owned}`");
    match ty {
        Type::Reference(reference) => mistakes.at(ty, borrowed(owned_form(&reference.elem))),
        Type::Path(path) if path.path.is_ident("str") => {
            mistakes.at(ty, "text travels back as a `String`");
        }
        Type::Path(_) if is_cow(ty) => {
            if let Some(segment) = last_segment(ty)
                && let Some(inner) = inner_type(segment)
            {
                mistakes.at(ty, borrowed(owned_form(inner)));
            }
        }
        _ => check_owned(ty, mistakes),
    }
}

/// An error that travels as its text may be behind a `Box`: only its traits tell that it is none.
pub(super) fn check_error(ty: &Type, mistakes: &mut Mistakes) {
    let boxed = last_segment(ty)
        .filter(|segment| segment.ident == "Box")
        .and_then(inner_type);
    if !matches!(boxed, Some(Type::TraitObject(_))) {
        check_returned(ty, "an error", mistakes);
    }
}

pub(super) fn check_reference(reference: &TypeReference, mistakes: &mut Mistakes) {
    if let Some(mutability) = &reference.mutability {
        mistakes.at(
            mutability,
            "an argument is a copy of what the caller has: take it by value or by `&`",
        );
    }
    if let Some(lifetime) = &reference.lifetime {
        mistakes.at(
            lifetime,
            if lifetime.ident == "static" {
                format!(
                    "an argument is lent for the time of the call, never for `'static`: take `{}`",
                    owned_form(&reference.elem)
                )
            } else {
                format!("an argument is lent for the time of the call: remove `{lifetime}`")
            },
        );
    }
}

/// A type in whose place an owned value is decoded: it must borrow nothing, at any depth.
fn check_owned(ty: &Type, mistakes: &mut Mistakes) {
    if let Some(message) = streams::inside(ty) {
        return mistakes.at(ty, message);
    }
    match ty {
        Type::Array(array) => check_owned(&array.elem, mistakes),
        Type::Paren(paren) => check_owned(&paren.elem, mistakes),
        Type::Tuple(tuple) => tuple
            .elems
            .iter()
            .for_each(|elem| check_owned(elem, mistakes)),
        Type::Reference(reference) => mistakes.at(
            ty,
            format!(
                "a borrow inside another type cannot be lent from a packet: take `{}` there",
                owned_form(&reference.elem)
            ),
        ),
        Type::Path(path) => {
            if let Some(qself) = &path.qself {
                check_owned(&qself.ty, mistakes);
            }
            for segment in &path.path.segments {
                if segment.ident == "CallContext" {
                    mistakes.at(
                        segment,
                        "the context of a call does not travel: take an argument `cx: &CallContext`, which is \
                         always there",
                    );
                }
                if segment.ident == "Self" {
                    mistakes.at(
                        segment,
                        "a caller cannot know which type `Self` is: name the type itself",
                    );
                }
                if let PathArguments::AngleBracketed(generics) = &segment.arguments {
                    for argument in &generics.args {
                        check_generic(argument, mistakes);
                    }
                }
            }
        }
        Type::ImplTrait(opaque) => {
            let text = opaque.bounds.to_token_stream().to_string();
            mistakes.at(
                opaque.impl_token,
                if text.contains("Future") {
                    "write `async fn`, and what the future gives"
                } else {
                    "what travels has one type: name it instead of `impl Trait`"
                },
            );
        }
        Type::Slice(slice) => mistakes.at(
            ty,
            format!(
                "a slice cannot travel by itself: take `&[{0}]` or `Vec<{0}>`",
                text(&*slice.elem)
            ),
        ),
        Type::TraitObject(object) => {
            let text = object.bounds.to_token_stream().to_string();
            mistakes.at(
                ty,
                if text.contains("Future") {
                    "write `async fn`, and what the future gives"
                } else {
                    "a trait object cannot travel: an enum of the possible types can"
                },
            );
        }
        Type::Ptr(_) => mistakes.at(ty, "a pointer means nothing at the other side"),
        Type::FnPtr(_) => mistakes.at(
            ty,
            "a function cannot travel: call back with a client made of `cx.caller()`",
        ),
        Type::Infer(_) => mistakes.at(ty, "name the type"),
        _ => {}
    }
}

fn check_generic(argument: &GenericArgument, mistakes: &mut Mistakes) {
    match argument {
        GenericArgument::Type(ty) => check_owned(ty, mistakes),
        GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => mistakes.at(
            lifetime,
            "a borrow inside another type cannot be lent from a packet: take a type that owns what it has",
        ),
        _ => {}
    }
}

/// `Cow<str>` or `Cow<[u8]>`, which have forms of their own.
fn is_cow(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| {
        segment.ident == "Cow"
            && inner_type(segment)
                .is_some_and(|inner| matches!(text(inner).as_str(), "str" | "[u8]"))
    })
}

/// What is in an `Option` of a borrow (or of a `Cow`).
fn option_of_reference(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    inner_type(segment).filter(|inner| matches!(inner, Type::Reference(_)) || is_cow(inner))
}

/// The type that owns what a borrow of `ty` borrows.
fn owned_form(ty: &Type) -> String {
    match ty {
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", text(&*slice.elem)),
        Type::Reference(reference) => owned_form(&reference.elem),
        other => text(other),
    }
}

/// Source text of a type, as people write it.
pub(super) fn text(ty: &impl ToTokens) -> String {
    quote!(#ty)
        .to_string()
        .replace(" < ", "<")
        .replace(" >", ">")
        .replace(" :: ", "::")
        .replace("& ", "&")
        .replace(" ,", ",")
}
