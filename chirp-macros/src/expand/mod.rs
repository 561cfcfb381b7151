//! Generates code from a validated trait: types, names, and one call into `chirp::__private` per method and side.

mod checks;
mod client;
mod method_ids;
mod reflection;
mod server;
mod trait_def;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Item, ItemTrait};

use crate::args::ServiceOptions;
use crate::ast::{ServiceTrait, only};
use crate::mistakes::Mistakes;
use crate::{fallback, validate};

pub(crate) fn service(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = ServiceOptions::parse(options, &mut mistakes);
    let item: ItemTrait = match syn::parse2(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            mistakes.add(not_a_trait(item).unwrap_or(error));
            let errors = mistakes.into_compile_errors();
            return quote!(#errors #item);
        }
    };
    let service = ServiceTrait::new(item, options, &mut mistakes);
    validate::service(&service, &mut mistakes);
    match mistakes.into_compile_errors() {
        None => emit(&service),
        Some(errors) => {
            let item = fallback::emit(service.item);
            quote!(#errors #item)
        }
    }
}

/// The error for an item that is not a trait.
fn not_a_trait(item: &TokenStream) -> Option<Error> {
    let (span, message) = match syn::parse2(item.clone()).ok()? {
        Item::Impl(item) if item.trait_.is_some() => (
            item.impl_token.span(),
            "`#[chirp::service]` belongs on the trait: remove it from the implementation",
        ),
        Item::Impl(item) => (
            item.impl_token.span(),
            "`#[chirp::service]` belongs on a trait: declare the methods in a trait and implement it for this type",
        ),
        item => (
            item.span(),
            "`#[chirp::service]` can only be used on a trait",
        ),
    };
    Some(Error::new(span, message))
}

fn emit(service: &ServiceTrait) -> TokenStream {
    let krate = service.krate();
    let cfgs = only(&service.item.attrs, &["cfg"]);
    let trait_def = trait_def::emit(service);
    let types = [
        client::emit_type(service),
        server::emit_type(service),
        method_ids::emit_type(service),
    ];
    let codec = match &service.options.codec {
        None => quote!(__chirp::Bincode),
        Some(codec) => quote_spanned!(codec.span()=> <#codec as __chirp::Chosen>::Codec),
    };
    let checks = service
        .methods
        .iter()
        .map(|method| checks::emit(service, method));
    let method_ids = method_ids::emit_impl(service);
    let client = client::emit_impl(service);
    let server = server::emit_impl(service);
    let schema = service
        .options
        .schema
        .as_ref()
        .map(|option| quote_spanned!(option.span()=> __chirp::requires_schema! {}));
    let mut content = quote! {
        #(#checks)*
        #schema
        #method_ids
        #client
        #server
    };
    if let Some(codec) = &service.options.codec {
        content = codec_at(content, codec.span());
    }
    quote! {
        #trait_def

        #(#types)*

        #(#cfgs)*
        // The user's lints apply to the trait, not to the generated code.
        #[allow(
            dead_code,
            deprecated,
            non_local_definitions,
            non_snake_case,
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            clippy::restriction
        )]
        const _: () = {
            use #krate::__private as __chirp;
            #[allow(unused_imports)]
            use __chirp::{Argument as _, NotResult as _};

            type __Codec = #codec;

            #content
        };
    }
}

/// Gives each mention of the codec the span of the user's option, so that an invalid codec is one error there.
fn codec_at(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), codec_at(group.stream(), span));
            moved.set_span(group.span());
            TokenTree::Group(moved)
        }
        TokenTree::Ident(ident) if ident == "__Codec" => {
            TokenTree::Ident(Ident::new("__Codec", span.resolved_at(Span::call_site())))
        }
        other => other,
    });
    moved.collect()
}
