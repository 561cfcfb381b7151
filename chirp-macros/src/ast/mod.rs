//! The model of a service trait and its methods, with the syntax nodes that errors point at.

mod argument;
mod fingerprint;
mod form;
mod method;
mod parameters;
mod stream;
mod text;
mod time;
mod ungroup;

pub(crate) use argument::MethodArgument;
pub(crate) use form::{ArgumentForm, inner_type, last_segment};
pub(crate) use method::{Output, ServiceMethod};
pub(crate) use parameters::Parameters;
pub(crate) use stream::make_send;
pub(crate) use text::{documentation, written};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident, ItemTrait, Path, TraitItem};

use crate::args::ServiceOptions;
use crate::mistakes::Mistakes;

/// A service trait.
pub(crate) struct ServiceTrait {
    pub(crate) item: ItemTrait,
    pub(crate) options: ServiceOptions,
    pub(crate) methods: Vec<ServiceMethod>,
}

impl ServiceTrait {
    pub(crate) fn new(
        mut item: ItemTrait,
        options: ServiceOptions,
        mistakes: &mut Mistakes,
    ) -> Self {
        for member in &mut item.items {
            if let TraitItem::Fn(function) = member {
                ungroup::signature(&mut function.sig);
            }
        }
        let name = match &options.name {
            Some(name) => name.value(),
            None => item.ident.to_string(),
        };
        let named = options.named.is_some();
        let methods = item.items.iter().filter_map(|member| match member {
            TraitItem::Fn(function) => Some(ServiceMethod::new(function, &name, named, mistakes)),
            _ => None,
        });
        let methods = methods.collect();
        Self {
            item,
            options,
            methods,
        }
    }

    /// The service's name on the wire, the prefix of its methods' names.
    pub(crate) fn name(&self) -> String {
        match &self.options.name {
            Some(name) => name.value(),
            None => self.item.ident.to_string(),
        }
    }

    /// The fingerprint of a method's signature, independent of the compiler.
    pub(crate) fn fingerprint(&self, method: &ServiceMethod) -> u64 {
        let codec = match &self.options.codec {
            Some(codec) => fingerprint::of_path(codec),
            None => "Bincode".to_owned(),
        };
        fingerprint::of(method, &codec)
    }

    pub(crate) fn parameters(&self) -> Parameters {
        Parameters::new(&self.item.generics)
    }

    pub(crate) fn client(&self) -> Ident {
        format_ident!("{}Client", self.item.ident)
    }

    pub(crate) fn server(&self) -> Ident {
        format_ident!("{}Server", self.item.ident)
    }

    pub(crate) fn method_ids(&self) -> Ident {
        format_ident!("{}Methods", self.item.ident)
    }

    /// The path of the `chirp` crate.
    pub(crate) fn krate(&self) -> TokenStream {
        krate(self.options.krate.as_ref())
    }
}

pub(crate) fn krate(path: Option<&Path>) -> TokenStream {
    if let Some(path) = path {
        quote!(#path)
    } else {
        quote!(::chirp)
    }
}

/// The attributes with the given names, to be copied to the generated items.
pub(crate) fn only<'a>(attrs: &'a [Attribute], names: &[&str]) -> Vec<&'a Attribute> {
    attrs
        .iter()
        .filter(|attr| names.iter().any(|name| attr.path().is_ident(name)))
        .collect()
}
