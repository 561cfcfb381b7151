use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, Ident, LitInt};

use super::ast::{Code, ErrorType, ErrorVariant, Style};
use super::reflection;
use crate::ast::ArgumentForm;

pub(super) fn emit(error: &ErrorType) -> TokenStream {
    let ident = &error.input.ident;
    let has_fields = error.variants.iter().any(|variant| {
        !variant.fields.is_empty() && variant.data().is_none() && variant.other.is_none()
    });
    let path = |variant: &ErrorVariant| {
        let ident = matches!(error.input.data, Data::Enum(_)).then_some(&variant.ident);
        let colons = ident.map(|_| quote!(::));
        quote!(Self #colons #ident)
    };
    let arms = |emit: fn(&ErrorVariant, &TokenStream) -> TokenStream| {
        let variants = error.variants.iter();
        variants.map(move |variant| emit(variant, &shape(variant, &path(variant))))
    };
    let (encode, decode) = (arms(emit_encode), arms(emit_decode));
    let known = quote! {
        match error.code {
            #(#decode)*
            _ => ::core::option::Option::None,
        }
    };
    // An error with the code of a variant whose fields cannot be decoded is also caught.
    let other = error
        .variants
        .iter()
        .find(|variant| variant.other.is_some());
    let decode = match other {
        None => known,
        Some(variant) => {
            let (binding, ty) = (variant.fields[0].binding(0), &variant.fields[0].field.ty);
            let value = shape(variant, &path(variant));
            quote! {
                let known = || -> ::core::option::Option<Self> { #known };
                known().or_else(|| {
                    let #binding = <#ty as __chirp::Kept>::keep(error);
                    __chirp::Some(#value)
                })
            }
        }
    };
    // The text comes from `Display`: a missing implementation is reported at the type.
    let text = quote_spanned!(ident.span()=> <#ident as __chirp::Describe>::text);
    let checks = check_constants(error);
    let (has_raw_data, describe) = (emit_has_raw_data(error), reflection::emit(error));
    emit_impl(
        error,
        &checks,
        &quote! {
            const HAS_FIELDS: bool = #has_fields;

            fn to_error_data(&self, codec: __chirp::CodecId) -> __chirp::ErrorData {
                let text = #text(self);
                match self {
                    #(#encode)*
                }
            }

            fn from_error_data(error: &__chirp::ErrorData, codec: __chirp::CodecId) -> ::core::option::Option<Self> {
                #decode
            }

            fn as_error(&self) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                use __chirp::NoError as _;
                __chirp::MaybeError(self).get()
            }

            #has_raw_data

            #describe
        },
    )
}

/// Generates the function that says which data are not encoded: all but those of variants with fields.
fn emit_has_raw_data(error: &ErrorType) -> TokenStream {
    let variants = error.variants.iter();
    let encoded = variants.filter(|variant| variant.data().is_none() && variant.other.is_none());
    let codes: Vec<_> = encoded.map(codes).collect();
    if codes.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn has_raw_data(code: u16) -> bool {
            !::core::matches!(code, #(#codes)|*)
        }
    }
}

/// A placeholder implementation for an error with mistakes.
pub(super) fn emit_stub(error: &ErrorType) -> TokenStream {
    emit_impl(
        error,
        &TokenStream::new(),
        &quote! {
            fn to_error_data(&self, _: __chirp::CodecId) -> __chirp::ErrorData {
                ::core::unreachable!()
            }

            fn from_error_data(_: &__chirp::ErrorData, _: __chirp::CodecId) -> ::core::option::Option<Self> {
                ::core::unreachable!()
            }
        },
    )
}

fn emit_impl(error: &ErrorType, checks: &TokenStream, body: &TokenStream) -> TokenStream {
    let krate = error.krate();
    let ident = &error.input.ident;
    let (generics, types, clause) = error.input.generics.split_for_impl();
    quote! {
        #[allow(
            non_local_definitions,
            non_upper_case_globals,
            unused_imports,
            unused_variables,
            clippy::all,
            clippy::pedantic
        )]
        const _: () = {
            use #krate::__private as __chirp;

            #checks

            #[automatically_derived]
            impl #generics __chirp::ServiceError for #ident #types #clause {
                #body
            }
        };
    }
}

fn emit_encode(variant: &ErrorVariant, pattern: &TokenStream) -> TokenStream {
    if variant.other.is_some() {
        let (binding, ty) = (variant.fields[0].binding(0), &variant.fields[0].field.ty);
        return quote!(#pattern => <#ty as __chirp::Kept>::kept(#binding),);
    }
    let code = code(variant);
    if let Some(field) = variant.data() {
        let (binding, ty) = (field.binding(0), &field.field.ty);
        return quote! {
            #pattern => __chirp::ErrorData::new(#code, text)
                .with_data(<#ty as __chirp::Data>::to_bytes(#binding)),
        };
    }
    if variant.fields.is_empty() {
        return quote!(#pattern => __chirp::ErrorData::new(#code, text),);
    }
    let puts = variant.fields.iter().enumerate().map(|(index, field)| {
        let binding = field.binding(index);
        match ArgumentForm::of(&field.field.ty) {
            ArgumentForm::Value(ty) => quote!(<#ty as __chirp::Field>::put(#binding, &mut fields);),
            form => quote!(fields.put::<#form>(#binding);),
        }
    });
    let new = match names(variant) {
        None => quote!(new(codec)),
        Some(names) => quote!(named(codec, &[#(#names),*])),
    };
    quote! {
        #pattern => {
            let mut fields = __chirp::FieldEncoder::#new;
            #(#puts)*
            __chirp::ErrorData::new(#code, text).with_data(fields.finish())
        }
    }
}

fn emit_decode(variant: &ErrorVariant, value: &TokenStream) -> TokenStream {
    if variant.other.is_some() {
        return TokenStream::new();
    }
    let code = codes(variant);
    if let Some(field) = variant.data() {
        let (binding, ty) = (field.binding(0), &field.field.ty);
        return quote! {
            #code => {
                let #binding = <#ty as __chirp::Data>::from_bytes(&error.data)?;
                __chirp::Some(#value)
            }
        };
    }
    if variant.fields.is_empty() {
        return quote!(#code if error.data.is_empty() => __chirp::Some(#value),);
    }
    let bindings = variant
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| field.binding(index));
    let takes = variant
        .fields
        .iter()
        .map(|field| match ArgumentForm::of(&field.field.ty) {
            ArgumentForm::Value(ty) => quote!(<#ty as __chirp::Field>::take(&mut fields)),
            form => quote!(fields.take::<#form>()),
        });
    let new = match names(variant) {
        None => quote!(new(codec, &error.data)),
        Some(names) => quote!(named(codec, &error.data, &[#(&[#names]),*])),
    };
    quote! {
        #code => {
            let mut fields = __chirp::FieldDecoder::#new;
            let (#(__chirp::Some(#bindings),)* __chirp::Some(())) = (#(#takes,)* fields.end()) else {
                return ::core::option::Option::None;
            };
            __chirp::Some(#value)
        }
    }
}

/// The names of the fields. `None` if they have no names.
fn names(variant: &ErrorVariant) -> Option<Vec<String>> {
    let Style::Named = variant.style else {
        return None;
    };
    let idents = variant
        .fields
        .iter()
        .filter_map(|field| field.field.ident.as_ref());
    Some(idents.map(|ident| ident.unraw().to_string()).collect())
}

/// The variant with its fields bound, usable as a pattern and as an expression.
fn shape(variant: &ErrorVariant, path: &TokenStream) -> TokenStream {
    let bindings: Vec<Ident> = variant
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| field.binding(index))
        .collect();
    match variant.style {
        Style::Unit => path.clone(),
        Style::Tuple => quote!(#path(#(#bindings),*)),
        Style::Named => {
            let names = variant.fields.iter().map(|field| &field.field.ident);
            quote!(#path { #(#names: #bindings),* })
        }
    }
}

/// The code, as a pattern and as an expression.
pub(super) fn code(variant: &ErrorVariant) -> TokenStream {
    match &variant.code {
        Some(Code::Constant(path)) => {
            format_ident!("__CODE_OF_{}", variant.ident, span = path.span()).into_token_stream()
        }
        Some(Code::Literal(literal)) => {
            let value: u16 = literal.base10_parse().unwrap_or_default();
            LitInt::new(&format!("{value}u16"), literal.span()).into_token_stream()
        }
        None => other_code(variant).unwrap_or_else(|| quote!(0u16)),
    }
}

/// The code with which the error comes from a JSON-RPC peer, if the error has a number for such peers.
fn other_code(variant: &ErrorVariant) -> Option<TokenStream> {
    let number = variant.number.as_ref()?;
    let value = number.code().unwrap_or_default();
    let literal = LitInt::new(&format!("{value}u16"), number.literal.span());
    Some(literal.into_token_stream())
}

/// The codes of a received error, as a pattern.
fn codes(variant: &ErrorVariant) -> TokenStream {
    let own = code(variant);
    match (&variant.code, other_code(variant)) {
        (Some(_), Some(other)) if own.to_string() != other.to_string() => quote!(#own | #other),
        _ => own,
    }
}

/// Checks codes that are constants, as `validate` checks literals: only the compiler knows their values.
fn check_constants(error: &ErrorType) -> TokenStream {
    /// A code of a variant, and whether only the compiler knows its value.
    struct Checked<'a> {
        ident: &'a Ident,
        code: TokenStream,
        is_constant: bool,
    }
    let mut checks = TokenStream::new();
    let mut earlier: Vec<Checked<'_>> = Vec::new();
    for variant in &error.variants {
        let mut own = Vec::new();
        if variant.code.is_some() {
            own.push((
                code(variant),
                matches!(variant.code, Some(Code::Constant(_))),
            ));
        }
        own.extend(other_code(variant).map(|code| (code, false)));
        if let Some(Code::Constant(path)) = &variant.code {
            let name = code(variant);
            checks.extend(quote_spanned! {name.span()=>
                // Named once, so that a constant of another type is one error.
                const #name: u16 = #path;
                const _: () = ::core::assert!(
                    #name < 0xC700 || 0xC7FF < #name,
                    "the codes 0xC700 to 0xC7FF are reserved"
                );
            });
        }
        for (code, is_constant) in &own {
            for first in &earlier {
                if *is_constant || first.is_constant {
                    let other = &first.code;
                    let message = format!(
                        "`{}` and `{}` have the same error code",
                        first.ident, variant.ident
                    );
                    checks.extend(quote_spanned! {code.span()=>
                        const _: () = ::core::assert!(#other != #code, #message);
                    });
                }
            }
        }
        earlier.extend(own.into_iter().map(|(code, is_constant)| Checked {
            ident: &variant.ident,
            code,
            is_constant,
        }));
    }
    checks
}
