//! The trait as it was written, for when there are mistakes in it: what else uses it still compiles.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, ItemTrait, Pat, TraitItem, parse_quote};

use crate::args::{hides_chirp, is_chirp};

pub(crate) fn emit(mut item: ItemTrait) -> TokenStream {
    for member in &mut item.items {
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
            // The compiler refuses these, too, in its own words.
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
