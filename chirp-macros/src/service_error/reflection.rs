//! Generates the description of an error type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::ast::{ErrorType, ErrorVariant, HttpStatus, Number};
use super::expand::code;
use crate::ast::{ArgumentForm, documentation, written};

/// Generates the function that describes the errors. The runtime's macro discards it unless the runtime has the feature
/// `reflect`.
pub(super) fn emit(error: &ErrorType) -> TokenStream {
    let described = error
        .variants
        .iter()
        .filter(|variant| variant.other.is_none());
    let errors = described.map(|variant| emit_variant(error, variant));
    quote! {
        __chirp::reflected_items! {
            fn describe<__D: __chirp::DescribeErrors>(errors: &mut __D) {
                #(#errors)*
            }
        }
    }
}

fn emit_variant(error: &ErrorType, variant: &ErrorVariant) -> TokenStream {
    let (code, name) = (code(variant), variant.ident.unraw().to_string());
    let attrs = variant.attrs.as_ref().unwrap_or(&error.input.attrs);
    let documentation = documentation(attrs);
    let is_raw = variant.data().is_some();
    let fields = variant.fields.iter().enumerate().map(|(index, field)| {
        let name = match &field.field.ident {
            Some(ident) => ident.unraw().to_string(),
            None => index.to_string(),
        };
        let ty = &field.field.ty;
        let type_name = written(ty);
        match ArgumentForm::of(ty) {
            ArgumentForm::Value(ty) => {
                let describe = quote_spanned!(ty.span()=> <#ty as __chirp::Field>::describe);
                quote!(#describe(errors, #name, #type_name);)
            }
            form => quote!(errors.field::<#form>(#name, #type_name);),
        }
    });
    let fields = if is_raw {
        TokenStream::new()
    } else {
        quote!(#(#fields)*)
    };
    let number = variant.number.as_ref().and_then(Number::value);
    let number = number.map(|number| quote!(errors.number(#number);));
    let http_status = variant.http_status.as_ref().and_then(HttpStatus::value);
    let http_status = http_status.map(|status| quote!(errors.http_status(#status);));
    quote! {
        errors.error(#code, #name, #documentation, #is_raw);
        #number
        #http_status
        #fields
    }
}
