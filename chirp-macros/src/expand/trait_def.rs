use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, ReturnType, TraitItem, TraitItemFn, parse_quote, parse_quote_spanned};

use crate::args::is_chirp;
use crate::ast::{Argument, Method, Service, make_send, only};

/// The trait itself, with what an implementation of a service must be able to do.
pub(super) fn emit(service: &Service) -> TokenStream {
    let mut item = service.item.clone();
    // Beside documentation, not in place of it: a trait without any is for the compiler to report.
    if !only(&item.attrs, &["doc"]).is_empty() {
        let mut note = format!(
            " It is called with a [`{}`], and served by a [`{}`].",
            service.client(),
            service.server()
        );
        let mut functions = service.methods.iter().map(|method| &method.item.sig);
        if functions.any(|signature| signature.asyncness.is_some()) {
            note.push_str(" An implementation writes `async fn` where this shows `impl Future`.");
        }
        item.attrs.push(parse_quote!(#[doc = ""]));
        item.attrs.push(parse_quote!(#[doc = #note]));
    }
    item.colon_token.get_or_insert_with(Default::default);
    // What the compiler says of an implementation without them points at the trait's name.
    let span = item.ident.span();
    item.supertraits
        .push(parse_quote_spanned!(span=> ::core::marker::Send));
    item.supertraits
        .push(parse_quote_spanned!(span=> ::core::marker::Sync));
    item.items = service
        .methods
        .iter()
        .map(|method| TraitItem::Fn(function(method)))
        .collect();
    item.into_token_stream()
}

/// `async fn f(..) -> T` as `fn f(..) -> impl Future<Output = T> + Send`.
fn function(method: &Method) -> TraitItemFn {
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
        // Bound inside, arguments are dropped when those of an `async fn` would be: after the body.
        let names = method.arguments.iter().map(Argument::ident);
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
