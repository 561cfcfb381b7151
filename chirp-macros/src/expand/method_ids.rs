use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use crate::ast::{ServiceTrait, only};
use crate::validate::{clash, conditional};

/// Generates the type whose associated constants are the method ids.
pub(super) fn emit_type(service: &ServiceTrait) -> TokenStream {
    let vis = &service.item.vis;
    let name = service.method_ids();
    let cfgs = only(&service.item.attrs, &["cfg"]);
    let doc = format!(" The method ids of [`{0}`].", service.item.ident);
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(dead_code, clippy::exhaustive_structs)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;
    }
}

pub(super) fn emit_impl(service: &ServiceTrait) -> TokenStream {
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
            /// All method ids, in declaration order.
            #vis const ALL: &'static [__chirp::MethodId] = &[#(#all),*];
            /// The signatures that `check_compatibility` compares with the other side's.
            #vis const CONTRACT: __chirp::Contract = __chirp::Contract::new(&[#(#signatures),*]);
        }
        #(#clashes)*
    }
}

/// Generates an error for each pair of conflicting methods under `#[cfg]`, active only if both methods are.
fn clashes(service: &ServiceTrait) -> Vec<TokenStream> {
    let mut clashes = Vec::new();
    for (at, second) in service.methods.iter().enumerate() {
        for first in &service.methods[..at] {
            // The compiler reports two methods of the same name.
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
