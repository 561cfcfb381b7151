use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::ast::{Method, Output, Service, last_segment};

/// Types that are no `Result` by another name, so that nobody need ask the compiler.
const PLAIN: [&str; 24] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String", "Vec", "Option", "Bytes", "Duration", "HashMap", "BTreeMap", "Box",
];

/// The type that stands for a method's signature.
pub(super) fn emit(service: &Service, method: &Method) -> TokenStream {
    let cfgs = method.cfgs();
    let name = method.signature();
    let codec = match &service.options.codec {
        None => quote!(__chirp::Bincode),
        // At the method: what a codec cannot carry is the method's arguments or its result.
        Some(codec) => at(method.ident(), codec.to_token_stream()),
    };
    let arguments = method.list(|_, form| form.to_token_stream());
    let result = method.output.form();
    let error = match method.output.error() {
        None => quote!(__chirp::Infallible),
        Some(error) => quote_spanned!(error.span()=> __chirp::Thrown<#error>),
    };
    let checks = checks(service, method);
    quote! {
        #(#cfgs)*
        enum #name {}
        #(#cfgs)*
        impl __chirp::Signature for #name {
            type Codec = #codec;
            type Arguments = #arguments;
            type Result = #result;
            type Error = #error;
        }
        #checks
    }
}

fn checks(service: &Service, method: &Method) -> TokenStream {
    let cfgs = method.cfgs();
    let name = method.signature();
    let mut checks = TokenStream::new();
    if let Output::Value(Some(ty)) = &method.output
        && let Type::Path(_) = ty
        && last_segment(ty).is_none_or(|segment| !PLAIN.contains(&segment.ident.to_string().as_str()))
    {
        checks.extend(quote_spanned! {ty.span()=>
            #(#cfgs)*
            const _: () = ::core::assert!(
                !__chirp::Probe::<#ty>::IS_RESULT,
                "this type is a `Result` by another name: call it `Result`, so that its error travels as an error"
            );
        });
    }
    if service.options.codec.is_some()
        && let Some(error) = method.output.error()
    {
        checks.extend(quote_spanned! {error.span()=>
            #(#cfgs)*
            const _: () = ::core::assert!(
                __chirp::fits_raw::<#name>(),
                "the codec `Raw` carries no fields: this error may have variants without fields, or with one \
                 that is marked `#[chirp(data)]`"
            );
        });
    }
    checks
}

/// The same tokens, with the place of `node`.
fn at(node: &impl ToTokens, tokens: TokenStream) -> TokenStream {
    let span = node.span();
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}
