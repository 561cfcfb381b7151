use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PatType, PathArguments, ReturnType, TraitItemFn,
    Type,
};

use super::form::{Form, last_segment};
use super::only;
use crate::args::MethodOptions;
use crate::mistakes::Mistakes;

/// A method of a service.
pub(crate) struct Method {
    pub(crate) item: TraitItemFn,
    pub(crate) options: MethodOptions,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Output,
    /// Its names as they travel: its own, then its aliases.
    pub(crate) names: Vec<String>,
}

/// An argument of a method, other than `self`.
pub(crate) struct Argument {
    pub(crate) typed: PatType,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// `&CallContext`: not sent.
    Context,
    /// Sent in this form.
    Sent(Form),
}

/// What a method returns.
pub(crate) enum Output {
    /// It returns this, or nothing.
    Value(Option<Type>),
    /// It may fail: `Result<T, E>`.
    Result { ok: Type, error: Type },
    /// It may fail: a type that is called `Result`, and what seems to be its `T`.
    Alias { whole: Type, ok: Option<Type> },
}

impl Method {
    pub(super) fn new(item: &TraitItemFn, service: &str, mistakes: &mut Mistakes) -> Self {
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
            FnArg::Typed(typed) => Some(Argument::new(typed)),
            FnArg::Receiver(_) => None,
        });
        Self {
            arguments: arguments.collect(),
            output: Output::new(&item.sig.output),
            item: item.clone(),
            options,
            names,
        }
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// The name of its `MethodId`.
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
        // `ALL` is the list of all.
        if name == "ALL" {
            name.push('_');
        }
        Ident::new(&name, self.ident().span())
    }

    /// The type that stands for its signature.
    pub(crate) fn signature(&self) -> Ident {
        let mut name = String::new();
        for word in self.constant().to_string().split('_') {
            let mut letters = word.chars();
            name.extend(letters.next());
            name.push_str(&letters.as_str().to_lowercase());
        }
        format_ident!("__{name}")
    }

    pub(crate) fn cfgs(&self) -> Vec<&Attribute> {
        only(&self.item.attrs, &["cfg"])
    }

    pub(crate) fn is_oneway(&self) -> bool {
        self.options.oneway.is_some()
    }

    /// The arguments that are sent, with their forms.
    pub(crate) fn sent(&self) -> impl DoubleEndedIterator<Item = (&Argument, &Form)> {
        self.arguments
            .iter()
            .filter_map(|argument| match &argument.kind {
                Kind::Sent(form) => Some((argument, form)),
                Kind::Context => None,
            })
    }

    /// What is made of each argument that is sent, as a list: `(a, (b, ()))`.
    pub(crate) fn list<T: ToTokens>(&self, of: impl Fn(&Argument, &Form) -> T) -> TokenStream {
        self.sent()
            .rev()
            .fold(quote!(()), |rest, (argument, form)| {
                let first = of(argument, form);
                quote!((#first, #rest))
            })
    }
}

impl Argument {
    fn new(typed: &PatType) -> Self {
        let kind = match &*typed.ty {
            Type::Reference(reference)
                if last_segment(&reference.elem)
                    .is_some_and(|segment| segment.ident == "CallContext") =>
            {
                Kind::Context
            }
            ty => Kind::Sent(Form::of(ty)),
        };
        Self {
            typed: typed.clone(),
            kind,
        }
    }

    /// Its name. A pattern has none; that is a mistake, which was reported.
    pub(crate) fn ident(&self) -> Ident {
        match &*self.typed.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            other => Ident::new("_unnamed", other.span()),
        }
    }
}

impl Output {
    fn new(output: &ReturnType) -> Self {
        let ReturnType::Type(_, ty) = output else {
            return Self::Value(None);
        };
        let Some(segment) = last_segment(ty).filter(|segment| segment.ident == "Result") else {
            return Self::Value(Some((**ty).clone()));
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
                whole: (**ty).clone(),
                ok,
            },
        }
    }

    /// What a caller gets when it goes well.
    pub(crate) fn ok(&self) -> TokenStream {
        match self {
            Self::Value(None) => quote!(()),
            Self::Value(Some(ty)) | Self::Result { ok: ty, .. } => quote!(#ty),
            Self::Alias { whole, .. } => quote!(<#whole as __chirp::Outcome>::Ok),
        }
    }

    /// What it may fail with by itself.
    pub(crate) fn error(&self) -> Option<TokenStream> {
        match self {
            Self::Value(_) => None,
            Self::Result { error, .. } => Some(quote!(#error)),
            Self::Alias { whole, .. } => Some(quote!(<#whole as __chirp::Outcome>::Error)),
        }
    }

    /// The form of the result.
    pub(crate) fn form(&self) -> TokenStream {
        match self {
            Self::Value(None) => Form::unit(),
            Self::Value(Some(ty)) | Self::Result { ok: ty, .. } => Form::of(ty).to_token_stream(),
            Self::Alias { whole, ok } => {
                let ty = quote_spanned!(whole.span()=> <#whole as __chirp::Outcome>::Ok);
                match ok.as_ref().map(Form::of) {
                    Some(Form::Blob(_)) => quote!(__chirp::Blob<#ty>),
                    _ => quote_spanned!(whole.span()=> __chirp::Value<#ty>),
                }
            }
        }
    }
}
