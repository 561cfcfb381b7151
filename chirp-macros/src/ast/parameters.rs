use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{GenericParam, Generics, Ident, TypeParam, WherePredicate};

/// The type parameters of a trait, as the generated types have them.
pub(crate) struct Parameters {
    types: Vec<TypeParam>,
    /// What the trait's `where` clause says of them.
    predicates: Vec<WherePredicate>,
}

impl Parameters {
    pub(super) fn new(generics: &Generics) -> Self {
        let types = generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(param) => Some(TypeParam {
                default: None,
                ..param.clone()
            }),
            _ => None,
        });
        let clause = generics.where_clause.iter();
        Self {
            types: types.collect(),
            predicates: clause
                .flat_map(|clause| clause.predicates.clone())
                .collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    fn names(&self) -> impl Iterator<Item = &Ident> {
        self.types.iter().map(|param| &param.ident)
    }

    /// What a server calls its implementation's type.
    pub(crate) fn implementation(&self) -> Ident {
        let taken = |name: &str| self.names().any(|other| other == name);
        let mut name = "T".to_owned();
        if taken(&name) {
            "Implementation".clone_into(&mut name);
        }
        while taken(&name) {
            name.push('_');
        }
        Ident::new(&name, Span::call_site())
    }

    /// `<A, K, V>`, where `first` is an `A` that stands before the trait's own; nothing if there are none.
    pub(crate) fn list(&self, first: Option<TokenStream>) -> TokenStream {
        let names = self.names().map(|name| quote!(#name));
        bracket(&first.into_iter().chain(names).collect::<Vec<_>>())
    }

    /// As [`list`](Self::list), with the bounds that the trait has.
    pub(crate) fn bounded(&self, first: Option<TokenStream>) -> TokenStream {
        let params = self.types.iter().map(|param| quote!(#param));
        bracket(&first.into_iter().chain(params).collect::<Vec<_>>())
    }

    /// That values of each of them travel, and what else the trait asks of them.
    pub(crate) fn clause(&self) -> TokenStream {
        let (names, predicates) = (self.names(), &self.predicates);
        if self.is_empty() && predicates.is_empty() {
            return TokenStream::new();
        }
        quote!(where #(#names: __chirp::Parameter,)* #(#predicates,)*)
    }

    /// The type of the field that mentions each of them, and its value.
    pub(crate) fn phantom(&self) -> [TokenStream; 2] {
        if self.is_empty() {
            return [TokenStream::new(), TokenStream::new()];
        }
        let names = self.names();
        [
            quote!(, ::core::marker::PhantomData<fn() -> (#(#names,)*)>),
            quote!(, ::core::marker::PhantomData),
        ]
    }
}

fn bracket(parameters: &[TokenStream]) -> TokenStream {
    if parameters.is_empty() {
        return TokenStream::new();
    }
    quote!(<#(#parameters),*>)
}
