//! Removes the invisible groups that `macro_rules!` puts around fragments.

use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Signature, Type, parse_quote};

/// Removes invisible groups from the types of a signature, so that `&[$t]` is recognised as `&[u8]`.
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
            // `&dyn A + B` would not parse as one type.
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
