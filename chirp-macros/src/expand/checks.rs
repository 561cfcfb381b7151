use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use crate::ast::{Output, ServiceMethod, ServiceTrait, last_segment};

/// Types known not to be aliases of `Result`, for which no check is generated.
const PLAIN: [&str; 24] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String", "Vec", "Option", "Bytes", "Duration", "HashMap", "BTreeMap",
    "Box",
];

/// Generates assertions about a method's types that only the compiler can evaluate.
pub(super) fn emit(service: &ServiceTrait, method: &ServiceMethod) -> TokenStream {
    let cfgs = method.cfgs();
    let mut checks = TokenStream::new();
    // A constant item cannot use the trait's parameters.
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
                "this type is a `Result` under another name: name it `Result`, so that its error is sent as an error"
            );
        });
    }
    if service.options.codec.is_none() {
        return checks;
    }
    // `validate` reports this where the codec is named `Raw` literally.
    let count = method.sent().count();
    checks.extend(quote_spanned! {method.ident().span()=>
        #(#cfgs)*
        const _: () = ::core::assert!(
            #count <= <__Codec as __chirp::Codec>::MAX_ARGUMENTS,
            "the codec `Raw` supports at most one argument"
        );
    });
    if let Some(error) = method.output.error()
        && !generic
    {
        checks.extend(quote_spanned! {error.span()=>
            #(#cfgs)*
            const _: () = ::core::assert!(
                <#error as __chirp::Failure<__Codec>>::FITS,
                "the codec `Raw` cannot encode fields: use variants without fields, or with one field \
                 marked `#[chirp(data)]`"
            );
        });
    }
    checks
}
