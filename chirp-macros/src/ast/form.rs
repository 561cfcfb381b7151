use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, PathArguments, PathSegment, Type};

/// The encoding form of an argument or a result, chosen by its written type. Each variant stands for the type of the
/// same name in `chirp::codec::form`.
pub(crate) enum ArgumentForm {
    Str(Span),
    CowStr(Span),
    Slice8(Span),
    CowSlice8(Span),
    Blob(Type),
    Slice(Type),
    Opt(Box<ArgumentForm>),
    Lent(Box<ArgumentForm>),
    Value(Type),
    /// `Receiver<T>`: a stream bound to the call.
    Stream {
        receiver: Type,
        item: Box<Type>,
    },
}

impl ArgumentForm {
    pub(crate) fn of_argument(ty: &Type) -> Self {
        let receiver = last_segment(ty).filter(|segment| segment.ident == "Receiver");
        match receiver.and_then(inner_type) {
            Some(item) => Self::Stream {
                receiver: ty.clone(),
                item: Box::new(item.clone()),
            },
            None => Self::of(ty),
        }
    }

    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            Type::Paren(paren) => Self::of(&paren.elem),
            Type::Reference(reference) => match &*reference.elem {
                Type::Path(path) if path.path.is_ident("str") => Self::Str(ty.span()),
                Type::Slice(slice) if is_u8(&slice.elem) => Self::Slice8(ty.span()),
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
                Type::Path(path) if path.path.is_ident("str") => Some(Self::CowStr(ty.span())),
                Type::Slice(slice) if is_u8(&slice.elem) => Some(Self::CowSlice8(ty.span())),
                _ => None,
            };
        }
        if segment.ident == "Option" {
            return match Self::of(inner) {
                // Serde handles these.
                Self::Value(_) | Self::Opt(_) => None,
                form => Some(Self::Opt(Box::new(form))),
            };
        }
        None
    }

    /// Generates the encoding of an argument.
    ///
    /// A type that needs serde is mentioned at the user's span and through one trait with the codec of the service. Then a
    /// missing implementation is the same error at all places, which the compiler reports once.
    pub(crate) fn put(&self, name: &Ident, out: &Ident) -> TokenStream {
        match self {
            Self::Value(ty) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::Wire<__Codec>>::put(&#name, &mut #out))
            }
            Self::Slice(ty) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::WireBorrowed<__Codec>>::put_slice(#name, &mut #out))
            }
            Self::Stream { item, .. } => quote! {
                <#item as __chirp::Streamed<__Codec>>::put(#name, &mut #out)
            },
            _ => match self.lent() {
                Some(Lending::Always(ty)) => {
                    quote_spanned!(ty.span()=> <#ty as __chirp::Wire<__Codec>>::put(#name, &mut #out))
                }
                Some(Lending::Perhaps(ty)) => {
                    quote_spanned!(ty.span()=> <#ty as __chirp::WireBorrowed<__Codec>>::put_option(#name, &mut #out))
                }
                None if matches!(self, Self::Blob(_)) => quote!(<#self>::give(#name, &mut #out)),
                None => quote!(<#self>::put(&#name, &mut #out)),
            },
        }
    }

    /// Generates the decoding of an argument.
    pub(crate) fn take(&self, arguments: &Ident) -> TokenStream {
        match self {
            Self::Value(ty) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::Wire<__Codec>>::take(&mut #arguments))
            }
            Self::Stream { item, .. } => {
                quote!(<#item as __chirp::Streamed<__Codec>>::take(&mut #arguments))
            }
            Self::Slice(ty) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::WireBorrowed<__Codec>>::take_slice(&mut #arguments))
            }
            _ => match self.lent() {
                Some(Lending::Always(ty)) => {
                    quote_spanned!(ty.span()=> <#ty as __chirp::Wire<__Codec>>::take(&mut #arguments))
                }
                Some(Lending::Perhaps(ty)) => {
                    quote_spanned!(ty.span()=> <#ty as __chirp::WireBorrowed<__Codec>>::take_option(&mut #arguments))
                }
                None => quote!(<#self>::take(&mut #arguments)),
            },
        }
    }

    /// The function that encodes (`which` = `payload`) or decodes (`from_response`) a result.
    pub(crate) fn coder(&self, which: &str) -> TokenStream {
        let which = Ident::new(which, Span::call_site());
        if let Self::Value(ty) = self {
            quote!(<#ty as __chirp::Wire<__Codec>>::#which)
        } else {
            quote!(<#self as __chirp::Returned<__Codec>>::#which)
        }
    }

    /// Generates the function that finds the shape of an argument or a result. As in [`put`](Self::put), a type that needs
    /// serde is mentioned through one trait.
    pub(crate) fn shape(&self) -> TokenStream {
        match (self, self.lent()) {
            (Self::Value(ty), _) | (_, Some(Lending::Always(ty))) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::Wire<__Codec>>::shape)
            }
            (Self::Slice(ty), _) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::WireBorrowed<__Codec>>::slice_shape)
            }
            (_, Some(Lending::Perhaps(ty))) => {
                quote_spanned!(ty.span()=> <#ty as __chirp::WireBorrowed<__Codec>>::option_shape)
            }
            _ => quote!(__chirp::shape_of::<#self>),
        }
    }

    /// The type that has the JSON Schema of this form.
    pub(crate) fn schema_type(&self) -> TokenStream {
        match self {
            Self::Str(_) | Self::CowStr(_) => quote!(__chirp::String),
            Self::Slice8(_) | Self::CowSlice8(_) | Self::Blob(_) => quote!(__chirp::BytesSchema),
            Self::Slice(ty) => quote!(__chirp::Vec<#ty>),
            Self::Opt(inner) => {
                let inner = inner.schema_type();
                quote!(::core::option::Option<#inner>)
            }
            Self::Lent(inner) => inner.schema_type(),
            Self::Value(ty) => quote!(#ty),
            Self::Stream { item, .. } => Self::of(item).schema_type(),
        }
    }

    /// The span of the type that must have a schema.
    pub(crate) fn schema_span(&self) -> Span {
        match self {
            Self::Str(span) | Self::CowStr(span) | Self::Slice8(span) | Self::CowSlice8(span) => {
                *span
            }
            Self::Opt(inner) | Self::Lent(inner) => inner.schema_span(),
            Self::Slice(ty) | Self::Blob(ty) | Self::Value(ty) => ty.span(),
            Self::Stream { item, .. } => item.span(),
        }
    }

    /// The owned type of a value in this form.
    pub(super) fn owned(&self) -> TokenStream {
        match self {
            Self::Str(_) | Self::CowStr(_) => quote!(__chirp::String),
            Self::Slice8(_) | Self::CowSlice8(_) => quote!(__chirp::Vec<u8>),
            Self::Slice(ty) => quote!(__chirp::Vec<#ty>),
            Self::Opt(inner) => {
                let inner = inner.owned();
                quote!(::core::option::Option<#inner>)
            }
            Self::Lent(inner) => inner.owned(),
            Self::Blob(ty) | Self::Value(ty) | Self::Stream { receiver: ty, .. } => quote!(#ty),
        }
    }

    /// The conversion from the owned type to the decoded type, if they differ.
    pub(super) fn of_owned(&self) -> Option<TokenStream> {
        match self {
            Self::Str(_) | Self::CowStr(_) | Self::Slice8(_) | Self::CowSlice8(_) => {
                Some(quote!(.into()))
            }
            Self::Opt(inner) => {
                let convert = inner.of_owned()?;
                Some(quote!(.map(|default| default #convert)))
            }
            Self::Lent(inner) => inner.of_owned(),
            Self::Slice(_) | Self::Blob(_) | Self::Value(_) | Self::Stream { .. } => None,
        }
    }

    fn lent(&self) -> Option<Lending<'_>> {
        match self {
            Self::Lent(inner) => match &**inner {
                Self::Value(ty) => Some(Lending::Always(ty)),
                _ => None,
            },
            Self::Opt(inner) => match inner.lent()? {
                Lending::Always(ty) => Some(Lending::Perhaps(ty)),
                Lending::Perhaps(_) => None,
            },
            _ => None,
        }
    }

    /// The expression that passes a decoded argument to the method.
    pub(crate) fn lend(&self, name: &Ident) -> TokenStream {
        match self {
            Self::Str(_) | Self::Slice8(_) | Self::Slice(_) | Self::Lent(_) => quote!(&#name),
            Self::CowStr(_)
            | Self::CowSlice8(_)
            | Self::Blob(_)
            | Self::Value(_)
            | Self::Stream { .. } => quote!(#name),
            Self::Opt(inner) => match **inner {
                Self::Str(_) | Self::Slice8(_) | Self::Slice(_) => quote!(#name.as_deref()),
                Self::Lent(_) => quote!(#name.as_ref()),
                _ => quote!(#name),
            },
        }
    }
}

impl ToTokens for ArgumentForm {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Str(span) => quote_spanned!(*span=> __chirp::Str),
            Self::CowStr(span) => quote_spanned!(*span=> __chirp::CowStr),
            Self::Slice8(span) => quote_spanned!(*span=> __chirp::Slice8),
            Self::CowSlice8(span) => quote_spanned!(*span=> __chirp::CowSlice8),
            Self::Blob(ty) => quote_spanned!(ty.span()=> __chirp::Blob<#ty>),
            Self::Slice(ty) => quote_spanned!(ty.span()=> __chirp::Slice<#ty>),
            Self::Opt(form) => quote_spanned!(form.span()=> __chirp::Opt<#form>),
            Self::Lent(form) => quote_spanned!(form.span()=> __chirp::Lent<#form>),
            Self::Value(ty) | Self::Stream { receiver: ty, .. } => quote!(__chirp::Owned<#ty>),
        });
    }
}

/// A borrowed argument of a type that needs serde.
enum Lending<'a> {
    /// `&T`
    Always(&'a Type),
    /// `Option<&T>`
    Perhaps(&'a Type),
}

/// The last segment of a path, such as the `Vec<u8>` of `std::vec::Vec<u8>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// The type argument of a segment that has exactly one, ignoring lifetimes.
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
