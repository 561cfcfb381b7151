use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{GenericParam, Generics, Ident, TypeParam, WherePredicate};

/// The type parameters of a trait, as repeated on the generated types.
pub(crate) struct Parameters {
    types: Vec<TypeParam>,
    /// The predicates of the trait's `where` clause.
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

    /// The name of a server's type parameter for the implementation: `T`, unless the trait or one of its
    /// parameters has that name.
    pub(crate) fn implementation(&self, trait_name: &Ident) -> Ident {
        let taken = |name: &str| trait_name == name || self.names().any(|other| other == name);
        let mut name = "T".to_owned();
        if taken(&name) {
            "Implementation".clone_into(&mut name);
        }
        while taken(&name) {
            name.push('_');
        }
        Ident::new(&name, Span::call_site())
    }

    /// `<A, K, V>`, where `first` is an `A` in front of the trait's own parameters; empty if there are none.
    pub(crate) fn list(&self, first: Option<TokenStream>) -> TokenStream {
        let names = self.names().map(|name| quote!(#name));
        bracket(&first.into_iter().chain(names).collect::<Vec<_>>())
    }

    /// Like [`list`](Self::list), with the trait's bounds.
    pub(crate) fn bounded(&self, first: Option<TokenStream>) -> TokenStream {
        let params = self.types.iter().map(|param| quote!(#param));
        bracket(&first.into_iter().chain(params).collect::<Vec<_>>())
    }

    /// The `where` clause: each parameter can be sent, and the trait's own predicates.
    pub(crate) fn clause(&self) -> TokenStream {
        let (names, predicates) = (self.names(), &self.predicates);
        if self.is_empty() && predicates.is_empty() {
            return TokenStream::new();
        }
        quote!(where #(#names: __chirp::Parameter,)* #(#predicates,)*)
    }

    /// The type and the value of the `PhantomData` field.
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
