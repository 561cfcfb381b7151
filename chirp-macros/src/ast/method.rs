use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, PathArguments, ReturnType, TraitItemFn, Type,
    parse_quote, parse_quote_spanned,
};

use super::argument::MethodArgument;
use super::form::{ArgumentForm, last_segment};
use super::{only, stream, time, written};
use crate::args::MethodOptions;
use crate::mistakes::Mistakes;

/// A method of a service.
pub(crate) struct ServiceMethod {
    pub(crate) item: TraitItemFn,
    pub(crate) options: MethodOptions,
    pub(crate) arguments: Vec<MethodArgument>,
    pub(crate) output: Output,
    /// The item type of the returned stream, if the method returns one, directly or in a `Result`.
    pub(crate) items: Option<Output>,
    /// The method's names on the wire: its own, then its aliases.
    pub(crate) names: Vec<String>,
    /// Whether arguments are sent by name.
    pub(crate) named: bool,
    /// The default timeout of a call.
    pub(crate) deadline: Option<Duration>,
}

/// What a method returns.
pub(crate) enum Output {
    /// An infallible method, with its return type if any.
    Value(Option<Type>),
    /// A fallible method: `Result<T, E>`.
    Result { ok: Type, error: Type },
    /// A fallible method with an alias named `Result`, and the alias's first type argument.
    Alias { whole: Type, ok: Option<Type> },
}

impl ServiceMethod {
    pub(super) fn new(
        item: &TraitItemFn,
        service: &str,
        all_named: bool,
        mistakes: &mut Mistakes,
    ) -> Self {
        let options = MethodOptions::parse(&item.attrs, mistakes);
        let ident = &item.sig.ident;
        let own = match &options.name {
            Some(name) => name.value(),
            None => ident.unraw().to_string(),
        };
        let names = std::iter::once(own)
            .chain(options.aliases.iter().map(syn::LitStr::value))
            .map(|name| match service {
                "" => name,
                _ => format!("{service}.{name}"),
            })
            .collect();
        let arguments = item.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(MethodArgument::new(typed, mistakes)),
            FnArg::Receiver(_) => None,
        });
        let arguments = arguments.collect();
        let deadline = options.deadline.as_ref();
        let (output, items) = Output::of_method(&item.sig.output, mistakes);
        Self {
            deadline: deadline.and_then(|written| time::parse(written, mistakes)),
            named: options.named.is_some() || all_named && options.params.is_none(),
            arguments,
            output,
            items,
            item: item.clone(),
            options,
            names,
        }
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// The name of the `MethodId` constant.
    pub(crate) fn constant(&self) -> Ident {
        let mut name = String::new();
        let mut after_lowercase = false;
        for letter in self.ident().unraw().to_string().chars() {
            if letter.is_uppercase() && after_lowercase {
                name.push('_');
            }
            after_lowercase = letter.is_lowercase() || letter.is_numeric();
            name.extend(letter.to_uppercase());
        }
        // `ALL` and `CONTRACT` are generated.
        if name == "ALL" || name == "CONTRACT" {
            name.push('_');
        }
        Ident::new(&name, self.ident().span())
    }

    pub(crate) fn cfgs(&self) -> Vec<&Attribute> {
        only(&self.item.attrs, &["cfg"])
    }

    pub(crate) fn is_oneway(&self) -> bool {
        self.options.oneway.is_some()
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.options.idempotent.is_some()
    }

    /// Whether the one argument is all of the parameters, in codecs that have names.
    pub(crate) fn is_params(&self) -> bool {
        self.options.params.is_some()
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.options.blocking.is_some()
    }

    /// The arguments that are sent (all but `&CallContext`), with their forms.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (&MethodArgument, &ArgumentForm)> {
        self.arguments
            .iter()
            .filter_map(|argument| Some((argument, argument.form.as_ref()?)))
    }
}

impl Output {
    /// The output of a method, and the output of a stream item if it returns a stream.
    fn of_method(output: &ReturnType, mistakes: &mut Mistakes) -> (Self, Option<Self>) {
        let ReturnType::Type(_, ty) = output else {
            return (Self::Value(None), None);
        };
        let Some(opaque) = stream::of_result(ty) else {
            return (Self::of(ty), None);
        };
        let item = stream::item_of(opaque);
        if item.is_none() {
            mistakes.at(
                opaque,
                "the item type is missing: write `impl Stream<Item = ..>`",
            );
        }
        (Self::of(&stream::without_stream(ty)), item.map(Self::of))
    }

    fn of(ty: &Type) -> Self {
        let Some(segment) = last_segment(ty).filter(|segment| segment.ident == "Result") else {
            return Self::Value(Some(ty.clone()));
        };
        let mut types = match &segment.arguments {
            PathArguments::AngleBracketed(generics) => generics.args.iter().cloned().collect(),
            _ => Vec::new(),
        }
        .into_iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        });
        match (types.next(), types.next()) {
            (Some(ok), Some(error)) => Self::Result { ok, error },
            (ok, _) => Self::Alias {
                whole: ty.clone(),
                ok,
            },
        }
    }

    /// The success type of a call.
    pub(crate) fn ok(&self) -> TokenStream {
        match self {
            Self::Value(None) => quote!(()),
            Self::Value(Some(ty)) | Self::Result { ok: ty, .. } => quote!(#ty),
            Self::Alias { whole, .. } => {
                quote_spanned!(whole.span()=> <#whole as __chirp::Outcome>::Ok)
            }
        }
    }

    /// The receiver type of a stream with such items.
    pub(crate) fn receiver(&self) -> TokenStream {
        let ok = self.ok();
        match self.error() {
            None => quote!(__chirp::Receiver<#ok>),
            Some(error) => quote!(__chirp::Receiver<#ok, __chirp::ItemError<#error>>),
        }
    }

    /// The method's own error type.
    pub(crate) fn error(&self) -> Option<TokenStream> {
        match self {
            Self::Value(_) => None,
            Self::Result { error, .. } => Some(quote!(#error)),
            Self::Alias { whole, .. } => Some(quote_spanned! {whole.span()=>
                <#whole as __chirp::Outcome>::Error
            }),
        }
    }

    /// The function that encodes (`which` = `payload`) or decodes (`from_response`) the result.
    pub(crate) fn coder(&self, which: &str) -> TokenStream {
        self.form().coder(which)
    }

    /// The encoding form of the success value.
    pub(crate) fn form(&self) -> ArgumentForm {
        match self {
            Self::Value(None) => ArgumentForm::Value(parse_quote!(())),
            Self::Value(Some(ty)) | Self::Result { ok: ty, .. } => ArgumentForm::of(ty),
            Self::Alias { whole, ok } => {
                let ty = parse_quote_spanned!(whole.span()=> <#whole as __chirp::Outcome>::Ok);
                match ok.as_ref().map(ArgumentForm::of) {
                    Some(ArgumentForm::Blob(_)) => ArgumentForm::Blob(ty),
                    _ => ArgumentForm::Value(ty),
                }
            }
        }
    }

    /// The success type as it is written. That of an alias of `Result` may be unknown, and is then the alias.
    pub(crate) fn type_name(&self) -> String {
        match self {
            Self::Value(None) => "()".to_owned(),
            Self::Value(Some(ty))
            | Self::Result { ok: ty, .. }
            | Self::Alias { ok: Some(ty), .. }
            | Self::Alias {
                whole: ty,
                ok: None,
            } => written(ty),
        }
    }
}
