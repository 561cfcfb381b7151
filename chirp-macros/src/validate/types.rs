//! Rules for the types in a signature.

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
                // `&Cow<str>` is handled like `Cow<str>`.
                elem if is_cow(elem) => {}
                elem => check_owned(elem, mistakes),
            }
        }
        Type::Path(path) if path.path.is_ident("str") => {
            mistakes.at(ty, "`str` is unsized: use `&str` or `String`");
        }
        _ if is_cow(ty) => {}
        Type::Path(_) if option_of_reference(ty).is_some() => {
            if let Some(inner) = option_of_reference(ty) {
                check_argument(inner, mistakes);
            }
        }
        _ if last_segment(ty).is_some_and(|segment| segment.ident == "CallContext") => {
            mistakes.at(
                ty,
                "the call context is passed by reference: use `&CallContext`",
            );
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

/// Checks the item type of a returned stream.
pub(super) fn check_item(ty: &Type, mistakes: &mut Mistakes) {
    check_returned(ty, "an item", mistakes);
}

fn check_returned(ty: &Type, what: &str, mistakes: &mut Mistakes) {
    let borrowed = |owned: String| {
        format!("{what} cannot be borrowed, since it is sent to the other side: return `{owned}`")
    };
    match ty {
        Type::Reference(reference) => mistakes.at(ty, borrowed(owned_form(&reference.elem))),
        Type::Path(path) if path.path.is_ident("str") => {
            mistakes.at(ty, "`str` is unsized: return `String`");
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

/// Checks an error type. A boxed error is sent as its text; its bounds are checked by the compiler.
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
            "`&mut` arguments are not supported: take the argument by value or by `&`",
        );
    }
    if let Some(lifetime) = &reference.lifetime {
        mistakes.at(
            lifetime,
            if lifetime.ident == "static" {
                format!(
                    "`'static` references are not supported (an argument is borrowed for the duration of the call): use `{}`",
                    owned_form(&reference.elem)
                )
            } else {
                format!("named lifetimes are not supported on arguments: remove `{lifetime}`")
            },
        );
    }
}

/// Checks a type that is decoded as an owned value: it must not borrow, at any depth.
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
                "references inside other types are not supported: use `{}`",
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
                        "`CallContext` cannot be sent: add an argument `cx: &CallContext`, which the \
                         framework provides",
                    );
                }
                if segment.ident == "Self" {
                    mistakes.at(
                        segment,
                        "`Self` is not supported here, since a client does not know the implementing type: name the type",
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
                    "write `async fn` and return the future's output type"
                } else {
                    "`impl Trait` is not supported here: name a concrete type"
                },
            );
        }
        Type::Slice(slice) => mistakes.at(
            ty,
            format!(
                "slices are unsized: use `&[{0}]` or `Vec<{0}>`",
                text(&*slice.elem)
            ),
        ),
        Type::TraitObject(object) => {
            let text = object.bounds.to_token_stream().to_string();
            mistakes.at(
                ty,
                if text.contains("Future") {
                    "write `async fn` and return the future's output type"
                } else {
                    "trait objects cannot be sent: use an enum of the possible types"
                },
            );
        }
        Type::Ptr(_) => mistakes.at(ty, "raw pointers cannot be sent"),
        Type::FnPtr(_) => mistakes.at(
            ty,
            "functions cannot be sent: call back through a client created from `cx.caller()`",
        ),
        Type::Infer(_) => mistakes.at(ty, "the type must be written out"),
        _ => {}
    }
}

fn check_generic(argument: &GenericArgument, mistakes: &mut Mistakes) {
    match argument {
        GenericArgument::Type(ty) => check_owned(ty, mistakes),
        GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => mistakes.at(
            lifetime,
            "references inside other types are not supported: use an owned type",
        ),
        _ => {}
    }
}

/// Returns `true` if a type is `Cow<str>` or `Cow<[u8]>`, which have encoding forms of their own.
fn is_cow(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| {
        segment.ident == "Cow"
            && inner_type(segment)
                .is_some_and(|inner| matches!(text(inner).as_str(), "str" | "[u8]"))
    })
}

/// The `T` of an `Option<T>` where `T` is a reference or a `Cow`.
fn option_of_reference(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    inner_type(segment).filter(|inner| matches!(inner, Type::Reference(_)) || is_cow(inner))
}

/// The owned counterpart of `&ty`.
fn owned_form(ty: &Type) -> String {
    match ty {
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", text(&*slice.elem)),
        Type::Reference(reference) => owned_form(&reference.elem),
        other => text(other),
    }
}

/// The source text of a type, with conventional spacing.
pub(super) fn text(ty: &impl ToTokens) -> String {
    quote!(#ty)
        .to_string()
        .replace(" < ", "<")
        .replace(" >", ">")
        .replace(" :: ", "::")
        .replace("& ", "&")
        .replace(" ,", ",")
}
