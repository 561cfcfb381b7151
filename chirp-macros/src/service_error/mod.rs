//! `#[derive(chirp::ServiceError)]`: converts each variant of an error to a code, a text and data.

mod ast;
mod expand;
mod reflection;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::mistakes::Mistakes;
use ast::ErrorType;

pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut mistakes = Mistakes::default();
    let error = ErrorType::new(input, &mut mistakes);
    validate::check(&error, &mut mistakes);
    match mistakes.into_compile_errors() {
        None => expand::emit(&error),
        // A generic implementation would cause follow-up errors.
        Some(errors) if !error.input.generics.params.is_empty() => errors,
        Some(errors) => {
            // Implemented anyway, so that uses of the error do not cause follow-up errors.
            let stub = expand::emit_stub(&error);
            quote!(#errors #stub)
        }
    }
}
