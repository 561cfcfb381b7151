//! Recognises `impl Stream<Item = T>` in return types.

use syn::spanned::Spanned;
use syn::{
    AssocType, GenericArgument, PathArguments, PathSegment, Type, TypeImplTrait, TypeParamBound,
    parse_quote, parse_quote_spanned,
};

use super::form::last_segment;

/// Matches a type that is exactly `impl Stream<..>`.
pub(super) fn opaque_stream(ty: &Type) -> Option<&TypeImplTrait> {
    match ty {
        Type::Paren(paren) => opaque_stream(&paren.elem),
        Type::ImplTrait(opaque) => stream_bound(opaque).map(|_| opaque),
        _ => None,
    }
}

/// The `T` of `impl Stream<Item = T>`, if given.
pub(super) fn item_of(opaque: &TypeImplTrait) -> Option<&Type> {
    let PathArguments::AngleBracketed(generics) = &stream_bound(opaque)?.arguments else {
        return None;
    };
    generics.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Item" => Some(ty),
        _ => None,
    })
}

/// The `impl Stream` in a return type, directly or inside a `Result`.
pub(super) fn of_result(ty: &Type) -> Option<&TypeImplTrait> {
    opaque_stream(ty).or_else(|| {
        let segment = last_segment(ty).filter(|segment| segment.ident == "Result")?;
        let PathArguments::AngleBracketed(generics) = &segment.arguments else {
            return None;
        };
        let mut types = generics.args.iter().filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        });
        types.next().and_then(opaque_stream)
    })
}

/// The return type with `()` in place of the stream.
pub(super) fn without_stream(ty: &Type) -> Type {
    let mut ty = ty.clone();
    replace(&mut ty, |_| parse_quote!(()));
    ty
}

/// Adds `Send` to the stream in a return type.
pub(crate) fn make_send(ty: &mut Type) {
    replace(ty, |opaque| {
        let mut opaque = opaque.clone();
        if !opaque
            .bounds
            .iter()
            .any(|bound| named(bound, "Send").is_some())
        {
            let span = opaque.span();
            opaque
                .bounds
                .push(parse_quote_spanned!(span=> ::core::marker::Send));
        }
        Type::ImplTrait(opaque)
    });
}

/// Replaces the stream in a return type.
fn replace(ty: &mut Type, with: impl FnOnce(&TypeImplTrait) -> Type) {
    match ty {
        Type::Paren(paren) => replace(&mut paren.elem, with),
        Type::ImplTrait(opaque) => *ty = with(opaque),
        Type::Path(path) => {
            let Some(PathSegment {
                arguments: PathArguments::AngleBracketed(generics),
                ..
            }) = path.path.segments.last_mut()
            else {
                return;
            };
            let mut types = generics
                .args
                .iter_mut()
                .filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty),
                    _ => None,
                });
            if let Some(ok) = types.next() {
                replace(ok, with);
            }
        }
        _ => {}
    }
}

/// The `Stream<..>` among the bounds of an `impl Trait`.
fn stream_bound(opaque: &TypeImplTrait) -> Option<&PathSegment> {
    opaque
        .bounds
        .iter()
        .find_map(|bound| named(bound, "Stream"))
}

/// The last segment of a bound, if it has this name.
fn named<'a>(bound: &'a TypeParamBound, name: &str) -> Option<&'a PathSegment> {
    match bound {
        TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.filter(|segment| segment.ident == name)
        }
        _ => None,
    }
}
