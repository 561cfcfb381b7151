//! Emits a trait that has mistakes as it was written, so that its uses do not cause follow-up errors.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, ItemTrait, Pat, TraitItem, Visibility, parse_quote};

use crate::args::{hides_chirp, is_chirp};

pub(crate) fn emit(mut item: ItemTrait) -> TokenStream {
    // A second method of the same name would be reported by the compiler again.
    let mut seen = HashSet::new();
    item.items.retain(|member| match member {
        TraitItem::Fn(function)
            if function
                .attrs
                .iter()
                .any(|attr| attr.path().is_ident("cfg")) =>
        {
            true
        }
        TraitItem::Fn(function) => seen.insert(function.sig.ident.clone()),
        _ => true,
    });
    for member in &mut item.items {
        if let TraitItem::Verbatim(tokens) = member
            && let Some((_, rest)) = split_visibility(tokens)
        {
            *tokens = rest;
        }
        let TraitItem::Fn(function) = member else {
            continue;
        };
        function
            .attrs
            .retain(|attr| !is_chirp(attr) && !hides_chirp(attr));
        for input in &mut function.sig.inputs {
            let FnArg::Typed(typed) = input else { continue };
            typed
                .attrs
                .retain(|attr| !is_chirp(attr) && !attr.path().is_ident("serde"));
            // The compiler would report these again.
            let plain = matches!(&*typed.pat, Pat::Ident(pat)
                if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none());
            if !plain && function.default.is_none() {
                *typed.pat = parse_quote!(_);
            }
        }
    }
    quote! {
        #[allow(async_fn_in_trait, unused)]
        #item
    }
}

/// Splits the illegal visibility off a trait member.
pub(crate) fn split_visibility(member: &TokenStream) -> Option<(Visibility, TokenStream)> {
    let parser = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let rest: TokenStream = input.parse()?;
        Ok((visibility, quote!(#(#attrs)* #rest)))
    };
    let split = parser.parse2(member.clone()).ok();
    split.filter(|(visibility, _)| !matches!(visibility, Visibility::Inherited))
}
