use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, ItemTrait, ReturnType, TraitItem, TraitItemFn, parse_quote, parse_quote_spanned};

use crate::args::is_chirp;
use crate::ast::{MethodArgument, ServiceMethod, ServiceTrait, make_send, only};

/// Generates the trait, with the supertraits that a service needs.
pub(super) fn emit(service: &ServiceTrait) -> TokenStream {
    let mut item = service.item.clone();
    // Added only to existing documentation, so that `missing_docs` still reports a trait without any.
    if !only(&item.attrs, &["doc"]).is_empty() {
        let mut note = format!(
            " Call it with [`{}`] and serve it with [`{}`].",
            service.client(),
            service.server()
        );
        let mut functions = service.methods.iter().map(|method| &method.item.sig);
        if functions.any(|signature| signature.asyncness.is_some()) {
            note.push_str(" Implementations write `async fn` where this shows `impl Future`.");
        }
        item.attrs.push(parse_quote!(#[doc = ""]));
        item.attrs.push(parse_quote!(#[doc = #note]));
    }
    // The tool attribute does not resolve under `#![no_implicit_prelude]`; such crates name the path of `chirp`.
    if service.options.krate.is_none() && !has_diagnostic(&item) {
        let notes = unimplemented_notes(service);
        item.attrs
            .push(parse_quote!(#[diagnostic::on_unimplemented(#(note = #notes),*)]));
    }
    item.colon_token.get_or_insert_with(Default::default);
    // Errors about missing supertraits point at the trait's name.
    let span = item.ident.span();
    item.supertraits
        .push(parse_quote_spanned!(span=> ::core::marker::Send));
    item.supertraits
        .push(parse_quote_spanned!(span=> ::core::marker::Sync));
    item.items = service
        .methods
        .iter()
        .map(|method| TraitItem::Fn(function(method)))
        .chain([TraitItem::Fn(dyn_hint(service))])
        .collect();
    item.into_token_stream()
}

/// Returns `true` if the trait already has an `on_unimplemented` attribute, which takes precedence.
fn has_diagnostic(item: &ItemTrait) -> bool {
    item.attrs.iter().any(|attr| {
        let segments = &attr.path().segments;
        segments
            .iter()
            .any(|segment| segment.ident == "on_unimplemented")
    })
}

/// Notes for a type that does not implement the trait, about the two usual mistakes.
fn unimplemented_notes(service: &ServiceTrait) -> [String; 2] {
    let (name, client, server) = (&service.item.ident, service.client(), service.server());
    [
        format!(
            "if it is an `Arc` of an implementation: `{server}::from_arc(..)`, `{client}::local_from_arc(..)`"
        ),
        format!(
            "if it is a client: take `&{client}` instead of `impl {name}`; `{client}::local(..)` wraps an implementation"
        ),
    ]
}

/// A provided method that is never called. The compiler prints its name when it explains why the trait is not dyn
/// compatible, and a macro cannot put any other text there.
fn dyn_hint(service: &ServiceTrait) -> TraitItemFn {
    let hint = format_ident!(
        "__use_{}_instead_of_dyn_{}",
        service.client(),
        service.item.ident.unraw()
    );
    parse_quote! {
        #[doc(hidden)]
        #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
        fn #hint(&self) -> impl ::core::marker::Sized {}
    }
}

/// Rewrites `async fn f(..) -> T` to `fn f(..) -> impl Future<Output = T> + Send`.
fn function(method: &ServiceMethod) -> TraitItemFn {
    let mut function = method.item.clone();
    function.attrs.retain(|attr| !is_chirp(attr));
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.retain(|attr| !attr.path().is_ident("serde"));
        }
    }
    if method.items.is_some()
        && let ReturnType::Type(_, ty) = &mut function.sig.output
    {
        make_send(ty);
    }
    let Some(asyncness) = function.sig.asyncness.take() else {
        return function;
    };
    let (span, output) = match &function.sig.output {
        ReturnType::Default => (asyncness.span, quote!(())),
        ReturnType::Type(_, ty) => (ty.span(), quote!(#ty)),
    };
    function.sig.output = syn::parse2(quote_spanned! {span=>
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    })
    .expect("a return type of known shape");
    if let Some(body) = function.default.take() {
        let statements = &body.stmts;
        // Rebound inside the block, so that arguments are dropped after the body, as in an `async fn`.
        let names = method.arguments.iter().map(MethodArgument::ident);
        let block = quote! {{
            async move {
                #(#[allow(clippy::all, clippy::pedantic, clippy::restriction)] let #names = #names;)*
                #(#statements)*
            }
        }};
        function.default = Some(syn::parse2(block).expect("statements of a body that was parsed"));
    }
    function
}
