use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use crate::ast::{Method, Output, Service, last_segment};

/// Types that are no `Result` by another name, so that nobody need ask the compiler.
const PLAIN: [&str; 24] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String", "Vec", "Option", "Bytes", "Duration", "HashMap", "BTreeMap",
    "Box",
];

/// What only the compiler can tell of a method's types.
pub(super) fn emit(service: &Service, method: &Method) -> TokenStream {
    let cfgs = method.cfgs();
    let mut checks = TokenStream::new();
    // A constant cannot speak of the trait's parameters.
    let generic = !service.parameters().is_empty();
    for output in [Some(&method.output), method.items.as_ref()] {
        let Some(Output::Value(Some(ty))) = output else {
            continue;
        };
        let plain = last_segment(ty)
            .is_none_or(|segment| PLAIN.contains(&segment.ident.to_string().as_str()));
        if generic || plain {
            continue;
        }
        checks.extend(quote_spanned! {ty.span()=>
            #(#cfgs)*
            const _: () = ::core::assert!(
                !__chirp::Probe::<#ty>::IS_RESULT,
                "this type is a `Result` by another name: call it `Result`, so that its error travels as an error"
            );
        });
    }
    if service.options.codec.is_none() {
        return checks;
    }
    // Where the codec's own name says `Raw`, this was found before.
    let count = method.sent().count();
    checks.extend(quote_spanned! {method.ident().span()=>
        #(#cfgs)*
        const _: () = ::core::assert!(
            #count <= <__Codec as __chirp::Codec>::MAX_ARGUMENTS,
            "the codec `Raw` carries one argument, or none"
        );
    });
    if let Some(error) = method.output.error()
        && !generic
    {
        checks.extend(quote_spanned! {error.span()=>
            #(#cfgs)*
            const _: () = ::core::assert!(
                <#error as __chirp::Failure<__Codec>>::FITS,
                "the codec `Raw` carries no fields: this error may have variants without fields, or with one \
                 that is marked `#[chirp(data)]`"
            );
        });
    }
    checks
}
