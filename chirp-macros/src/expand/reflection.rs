//! Generates the table by which a service is described and called in JSON.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::{ServiceMethod, ServiceTrait};

/// Generates the table. The runtime's macro discards it unless the runtime has the feature `reflect`.
pub(super) fn emit(service: &ServiceTrait) -> TokenStream {
    if service
        .options
        .reflect
        .as_ref()
        .is_some_and(|option| !option.value)
    {
        return quote!(::core::option::Option::None);
    }
    let methods = service.methods.iter().map(emit_method);
    quote! {
        __chirp::reflected! {
            __chirp::ServiceTable { methods: &[#(#methods),*] }
        }
    }
}

fn emit_method(method: &ServiceMethod) -> TokenStream {
    let cfgs = method.cfgs();
    let arguments: Vec<_> = method.sent().map(|(argument, _)| argument).collect();
    let names = arguments.iter().map(|argument| {
        let names = argument.names();
        quote!(&[#(#names),*])
    });
    let optional = arguments
        .iter()
        .map(|argument| argument.default().is_some());
    let deadline = match method.deadline {
        None => quote!(::core::option::Option::None),
        Some(limit) => {
            let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            quote!(__chirp::Some(::core::time::Duration::from_nanos(#nanos)))
        }
    };
    quote! {
        #(#cfgs)*
        __chirp::MethodTable {
            arguments: __chirp::JsonArguments {
                names: &[#(#names),*],
                optional: &[#(#optional),*],
            },
            deadline: #deadline,
        }
    }
}
