//! Rules for streams in signatures.

use syn::{GenericArgument, PathArguments, Type, TypeParamBound};

use super::types::text;
use crate::ast::{ArgumentForm, ServiceMethod, inner_type, last_segment};
use crate::mistakes::Mistakes;

/// The mistake in a stream argument, if any.
pub(super) fn of_argument(ty: &Type) -> Option<String> {
    if let Type::Reference(reference) = ty {
        let half = last_segment(&reference.elem)?;
        return (is_half(&half.ident) && inner_type(half).is_some()).then(|| {
            format!(
                "streams are passed by value: use `{}`",
                text(&*reference.elem)
            )
        });
    }
    if let Some(receiver) = last_segment(ty).filter(|segment| segment.ident == "Receiver")
        && let PathArguments::AngleBracketed(generics) = &receiver.arguments
        && let Some(GenericArgument::Type(error)) = generics.args.get(1)
        && last_segment(error).is_some_and(|segment| segment.ident == "ItemError")
    {
        return Some(
            "`ItemError` is for streams that a method returns: use `Receiver<T>`, or `Receiver<Result<T, E>>` \
             to send errors as items"
                .to_owned(),
        );
    }
    let item = item(ty)?;
    Some(format!(
        "stream arguments are written `Receiver<{item}>` (it distinguishes the end of a stream from its loss); callers can pass any stream"
    ))
}

/// The mistake in a stream result, if any.
pub(super) fn of_result(ty: &Type) -> Option<String> {
    let item = item(ty)?;
    Some(format!(
        "streams are returned as `impl Stream<Item = {item}>`"
    ))
}

/// The mistake in a stream inside another type, if any.
pub(super) fn inside(ty: &Type) -> Option<String> {
    let item = item(ty)?;
    Some(format!(
        "a stream inside a value is written `Receiver<{item}>`, created by `chirp::stream::channel()`"
    ))
}

pub(super) fn check_options(method: &ServiceMethod, mistakes: &mut Mistakes) {
    let options = &method.options;
    let taken = method
        .sent()
        .find(|(_, form)| matches!(form, ArgumentForm::Stream { .. }));
    if method.items.is_none() && taken.is_none() {
        return;
    }
    if let Some(oneway) = &options.oneway {
        mistakes.at(
            oneway,
            "one-way methods cannot have stream arguments or results: remove `oneway`",
        );
    }
    if let Some(blocking) = &options.blocking {
        mistakes.at(
            blocking,
            "blocking methods cannot have stream arguments or results: remove `blocking`",
        );
    }
    if let (Some(idempotent), Some(_)) = (&options.idempotent, taken) {
        mistakes.at(
            idempotent,
            "a method with a stream argument cannot be retried: remove `idempotent`",
        );
    }
}

/// The item type of a type with one of the usual stream names, or `..` if it is not given.
fn item(ty: &Type) -> Option<String> {
    match ty {
        Type::Paren(paren) => item(&paren.elem),
        Type::ImplTrait(opaque) => opaque.bounds.iter().find_map(of_bound),
        Type::TraitObject(object) => object.bounds.iter().find_map(of_bound),
        Type::Path(_) => {
            let segment = last_segment(ty)?;
            let inner = inner_type(segment);
            match segment.ident.to_string().as_str() {
                "BoxStream" | "LocalBoxStream" => Some(inner.map_or_else(|| "..".to_owned(), text)),
                "Pin" | "Box" => inner.and_then(item),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The item type of a `Stream` bound.
fn of_bound(bound: &TypeParamBound) -> Option<String> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let segment = bound.path.segments.last()?;
    let name = segment.ident.to_string();
    if !matches!(name.as_str(), "Stream" | "TryStream") {
        return None;
    }
    let said = |name: &str| {
        let PathArguments::AngleBracketed(generics) = &segment.arguments else {
            return None;
        };
        generics.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(said) if said.ident == name => Some(text(&said.ty)),
            _ => None,
        })
    };
    let or_more = |said: Option<String>| said.unwrap_or_else(|| "..".to_owned());
    Some(match name.as_str() {
        "Stream" => or_more(said("Item")),
        _ => format!(
            "Result<{}, {}>",
            or_more(said("Ok")),
            or_more(said("Error"))
        ),
    })
}

fn is_half(ident: &syn::Ident) -> bool {
    ident == "Receiver" || ident == "Sender"
}
