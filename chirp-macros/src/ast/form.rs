use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, PathArguments, PathSegment, Type};

/// How an argument or a result travels, by the way its type is written. Each stands for the type of the
/// same name in `chirp::codec::form`.
pub(crate) enum Form {
    Str,
    CowStr,
    Slice8,
    CowSlice8,
    Blob(Type),
    Slice(Type),
    Opt(Box<Form>),
    Lent(Box<Form>),
    Value(Type),
}

impl Form {
    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            Type::Group(group) => Self::of(&group.elem),
            Type::Paren(paren) => Self::of(&paren.elem),
            Type::Reference(reference) => match &*reference.elem {
                Type::Path(path) if path.path.is_ident("str") => Self::Str,
                Type::Slice(slice) if is_u8(&slice.elem) => Self::Slice8,
                Type::Slice(slice) => Self::Slice((*slice.elem).clone()),
                other => Self::Lent(Box::new(Self::of(other))),
            },
            Type::Array(array) if is_u8(&array.elem) => Self::Blob(ty.clone()),
            _ => Self::of_path(ty).unwrap_or_else(|| Self::Value(ty.clone())),
        }
    }

    fn of_path(ty: &Type) -> Option<Self> {
        let segment = last_segment(ty)?;
        if segment.ident == "Bytes" && segment.arguments.is_none() {
            return Some(Self::Blob(ty.clone()));
        }
        let inner = inner_type(segment)?;
        if segment.ident == "Vec" && is_u8(inner) {
            return Some(Self::Blob(ty.clone()));
        }
        if segment.ident == "Cow" {
            return match inner {
                Type::Path(path) if path.path.is_ident("str") => Some(Self::CowStr),
                Type::Slice(slice) if is_u8(&slice.elem) => Some(Self::CowSlice8),
                _ => None,
            };
        }
        if segment.ident == "Option" {
            return match Self::of(inner) {
                // Serde has an `Option` of its own for these.
                Self::Value(_) | Self::Opt(_) => None,
                form => Some(Self::Opt(Box::new(form))),
            };
        }
        None
    }

    /// The form of no result.
    pub(crate) fn unit() -> TokenStream {
        quote!(__chirp::Value<()>)
    }

    /// How a decoded argument is handed to the method.
    pub(crate) fn lend(&self, name: &Ident) -> TokenStream {
        match self {
            Self::Str | Self::Slice8 | Self::Slice(_) | Self::Lent(_) => quote!(&#name),
            Self::CowStr | Self::CowSlice8 | Self::Blob(_) | Self::Value(_) => quote!(#name),
            Self::Opt(inner) => match **inner {
                Self::Str | Self::Slice8 | Self::Slice(_) => quote!(#name.as_deref()),
                Self::Lent(_) => quote!(#name.as_ref()),
                _ => quote!(#name),
            },
        }
    }
}

impl ToTokens for Form {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Str => quote!(__chirp::Str),
            Self::CowStr => quote!(__chirp::CowStr),
            Self::Slice8 => quote!(__chirp::Slice8),
            Self::CowSlice8 => quote!(__chirp::CowSlice8),
            Self::Blob(ty) => quote_spanned!(ty.span()=> __chirp::Blob<#ty>),
            Self::Slice(ty) => quote_spanned!(ty.span()=> __chirp::Slice<__chirp::Itself<#ty>>),
            Self::Opt(form) => quote!(__chirp::Opt<#form>),
            Self::Lent(form) => quote!(__chirp::Lent<#form>),
            // At the user's type: that is where one that cannot travel is reported.
            Self::Value(ty) => quote_spanned!(ty.span()=> __chirp::Value<#ty>),
        });
    }
}

/// The last word of a path, such as the `Vec<u8>` of `std::vec::Vec<u8>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// The only type among a segment's arguments, lifetimes aside.
pub(crate) fn inner_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(generics) = &segment.arguments else {
        return None;
    };
    let mut types = generics.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

fn is_u8(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("u8"))
}
