//! Types as they were written, without what `macro_rules!` puts around a fragment.

use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Signature, Type, parse_quote};

/// Takes the invisible parentheses off the types of a signature: `&[$t]` is `&[u8]` where `$t` is, and how an
/// argument travels depends on what is written.
pub(super) fn signature(signature: &mut Signature) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input {
            ungroup(&mut typed.ty);
        }
    }
    if let ReturnType::Type(_, ty) = &mut signature.output {
        ungroup(ty);
    }
}

fn ungroup(ty: &mut Type) {
    while let Type::Group(group) = ty {
        *ty = match *group.elem.clone() {
            // `&dyn A + B` would not be one type.
            elem @ (Type::TraitObject(_) | Type::ImplTrait(_)) => parse_quote!((#elem)),
            elem => elem,
        };
    }
    match ty {
        Type::Array(array) => ungroup(&mut array.elem),
        Type::Paren(paren) => ungroup(&mut paren.elem),
        Type::Reference(reference) => ungroup(&mut reference.elem),
        Type::Slice(slice) => ungroup(&mut slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(ungroup),
        Type::Path(path) => {
            if let Some(qself) = &mut path.qself {
                ungroup(&mut qself.ty);
            }
            for segment in &mut path.path.segments {
                let PathArguments::AngleBracketed(generics) = &mut segment.arguments else {
                    continue;
                };
                for argument in &mut generics.args {
                    if let GenericArgument::Type(ty) = argument {
                        ungroup(ty);
                    }
                }
            }
        }
        _ => {}
    }
}
