//! A validated trait to code. What is generated is glue: names, types, and one call into
//! `chirp::__private` for each method and side.

mod checks;
mod client;
mod method_ids;
mod server;
mod trait_def;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Item, ItemTrait};

use crate::args::ServiceOptions;
use crate::ast::{Service, only};
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
    let service = Service::new(item, options, &mut mistakes);
    validate::service(&service, &mut mistakes);
    match mistakes.into_compile_errors() {
        None => emit(&service),
        Some(errors) => {
            let item = fallback::emit(service.item);
            quote!(#errors #item)
        }
    }
}

/// What to say of an item that is none of the kind.
fn not_a_trait(item: &TokenStream) -> Option<Error> {
    let (span, message) = match syn::parse2(item.clone()).ok()? {
        Item::Impl(item) if item.trait_.is_some() => (
            item.impl_token.span(),
            "the attribute stands on the trait: an implementation needs none",
        ),
        Item::Impl(item) => (
            item.impl_token.span(),
            "a service is a trait: declare the methods in one, with this attribute, and implement it for the type",
        ),
        item => (
            item.span(),
            "a service is a trait: put the attribute on one",
        ),
    };
    Some(Error::new(span, message))
}

fn emit(service: &Service) -> TokenStream {
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
    let mut content = quote! {
        #(#checks)*
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
        // Each rule of the user's crate was applied to what the user wrote, which is the trait.
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

/// The same tokens, with each mention of the codec where the user chose it: whatever is done with what is no codec
/// is one mistake, made there.
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
