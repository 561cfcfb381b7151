//! Where a stream may stand in a signature, and what a method that has one cannot be.

use syn::{GenericArgument, PathArguments, Type, TypeParamBound};

use super::types::text;
use crate::ast::{Form, Method, inner_type, last_segment};
use crate::mistakes::Mistakes;

/// What is wrong with an argument that is a stream.
pub(super) fn of_argument(ty: &Type) -> Option<String> {
    if let Type::Reference(reference) = ty {
        let half = last_segment(&reference.elem)?;
        return (is_half(&half.ident) && inner_type(half).is_some()).then(|| {
            format!(
                "a stream is given away: take `{}` itself",
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
            "what a caller sends has no errors of a method: take `Receiver<T>`, or a `Receiver<Result<T, E>>` \
             whose errors are values"
                .to_owned(),
        );
    }
    let item = item(ty)?;
    Some(format!(
        "take `Receiver<{item}>`, which tells the end of a stream from its loss; a caller gives any stream for it"
    ))
}

/// What is wrong with a result that is a stream.
pub(super) fn of_result(ty: &Type) -> Option<String> {
    let item = item(ty)?;
    Some(format!(
        "a stream is returned as it is: write `impl Stream<Item = {item}>`"
    ))
}

/// What is wrong with a stream that is inside something else.
pub(super) fn inside(ty: &Type) -> Option<String> {
    let item = item(ty)?;
    Some(format!(
        "a stream inside a value is a `Receiver<{item}>`, which `chirp::channel()` makes"
    ))
}

pub(super) fn check_options(method: &Method, mistakes: &mut Mistakes) {
    let options = &method.options;
    let taken = method
        .sent()
        .find(|(_, form)| matches!(form, Form::Stream { .. }));
    if method.items.is_none() && taken.is_none() {
        return;
    }
    if let Some(oneway) = &options.oneway {
        mistakes.at(
            oneway,
            "the streams of a one-way method would belong to no call: remove `oneway`",
        );
    }
    if let Some(blocking) = &options.blocking {
        mistakes.at(
            blocking,
            "a method that blocks its thread cannot wait for a stream: remove `blocking`",
        );
    }
    if let (Some(idempotent), Some(_)) = (&options.idempotent, taken) {
        mistakes.at(
            idempotent,
            "a call cannot be made again when its caller's stream has been taken from: remove `idempotent`",
        );
    }
}

/// What the items are of a type that is a stream by one of the usual names: `..` if that is not said.
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

/// What the items are of a bound that says it is a stream.
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
