use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use crate::ast::{Service, only};
use crate::validate::{clash, conditional};

/// The type that the methods' ids are constants of.
pub(super) fn emit_type(service: &Service) -> TokenStream {
    let vis = &service.item.vis;
    let name = service.method_ids();
    let cfgs = only(&service.item.attrs, &["cfg"]);
    let doc = format!(
        " The methods of [`{0}`], by the names that travel.",
        service.item.ident
    );
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(dead_code, clippy::exhaustive_structs)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;
    }
}

pub(super) fn emit_impl(service: &Service) -> TokenStream {
    let vis = &service.item.vis;
    let name = service.method_ids();
    let constants = service.methods.iter().map(|method| {
        let cfgs = method.cfgs();
        let constant = method.constant();
        let own = &method.names[0];
        let doc = format!(
            " `{own}`: [`{}::{}`].",
            service.item.ident,
            method.ident().unraw()
        );
        quote! {
            #(#cfgs)*
            #[doc = #doc]
            #vis const #constant: __chirp::MethodId = __chirp::MethodId::new(#own);
        }
    });
    let all = service.methods.iter().map(|method| {
        let cfgs = method.cfgs();
        let constant = method.constant();
        quote!(#(#cfgs)* Self::#constant)
    });
    let signatures = service.methods.iter().map(|method| {
        let cfgs = method.cfgs();
        let (constant, fingerprint) = (method.constant(), service.fingerprint(method));
        let oneway = method.is_oneway().then(|| quote!(.oneway()));
        let idempotent = method.is_idempotent().then(|| quote!(.idempotent()));
        quote!(#(#cfgs)* __chirp::Signature::new(Self::#constant, #fingerprint) #oneway #idempotent)
    });
    let clashes = clashes(service);
    quote! {
        impl #name {
            #(#constants)*
            /// All of them, in the order of the trait.
            #vis const ALL: &'static [__chirp::MethodId] = &[#(#all),*];
            /// What a client compares with the other side's.
            #vis const CONTRACT: __chirp::Contract = __chirp::Contract::new(&[#(#signatures),*]);
        }
        #(#clashes)*
    }
}

/// Two methods that cannot be in one service, but need not be there at once: an error under the condition
/// that both are.
fn clashes(service: &Service) -> Vec<TokenStream> {
    let mut clashes = Vec::new();
    for (at, second) in service.methods.iter().enumerate() {
        for first in &service.methods[..at] {
            // The compiler itself refuses two methods of one name.
            if !conditional(first, second) || first.ident() == second.ident() {
                continue;
            }
            if let Some(message) = clash(first, second) {
                let cfgs = first.cfgs().into_iter().chain(second.cfgs());
                let span = second.ident().span();
                let error = format_ident!("compile_error", span = span);
                clashes.push(quote_spanned! {span=> #(#cfgs)* ::core::#error!(#message); });
            }
        }
    }
    clashes
}
