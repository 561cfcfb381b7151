use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::ast::{Method, Output, Service, only};

pub(super) fn emit_type(service: &Service) -> TokenStream {
    let vis = &service.item.vis;
    let krate = service.krate();
    let name = service.server();
    let cfgs = only(&service.item.attrs, &["cfg", "deprecated"]);
    let doc = format!(
        "Answers calls of the methods of [`{}`] by an implementation.",
        service.item.ident
    );
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #vis struct #name<T>(#krate::__private::Implementation<T>);
    }
}

pub(super) fn emit_impl(service: &Service) -> TokenStream {
    let vis = &service.item.vis;
    let (item, name) = (&service.item.ident, service.server());
    let own_name = service.name();
    let methods = service
        .methods
        .iter()
        .map(|method| emit_method(service, method));
    quote! {
        impl<T: #item + 'static> #name<T> {
            /// Answers by `implementation`.
            #vis fn new(implementation: T) -> Self {
                Self::from_arc(__chirp::Arc::new(implementation))
            }

            /// Answers by an implementation that others hold, too.
            #vis fn from_arc(implementation: __chirp::Arc<T>) -> Self {
                Self(__chirp::Implementation::new(implementation))
            }

            /// The same, registered under this name in place of the service's own.
            #[must_use]
            #vis fn named(self, name: &str) -> Self {
                Self(self.0.named(#own_name, name))
            }
        }

        #[doc(hidden)]
        impl<__T: #item + 'static> #name<__T> {
            const METHODS: &'static [__chirp::Method<__T>] = &[#(#methods),*];
        }

        impl<T: #item + 'static> __chirp::Service for #name<T> {
            fn register(
                self,
                router: &mut __chirp::Router,
            ) -> ::core::result::Result<(), __chirp::DuplicateMethod> {
                self.0.register(
                    router,
                    ::core::concat!("`", ::core::module_path!(), "::", ::core::stringify!(#item), "`"),
                    Self::METHODS,
                )
            }
        }

        impl<T> ::core::fmt::Debug for #name<T> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.0, f)
            }
        }
    }
}

/// One entry of the table: decode the arguments, call the method, encode what it returns.
fn emit_method(service: &Service, method: &Method) -> TokenStream {
    let cfgs = method.cfgs();
    let (ident, ids) = (method.ident(), service.method_ids());
    let constant = method.constant();
    let trait_name = &service.item.ident;
    // Names of our own, which those of the user's arguments cannot shadow.
    let [implementation, request, arguments] =
        ["service", "request", "arguments"].map(|name| Ident::new(name, Span::mixed_site()));
    let names = method.sent().map(|(argument, _)| argument.ident());
    let takes = method.sent().map(|(_, form)| form.take(&arguments));
    let lent = method
        .arguments
        .iter()
        .map(|argument| match &argument.form {
            None => quote!(#request.context()),
            Some(form) => form.lend(&argument.ident()),
        });
    let wait = method.item.sig.asyncness.map(|_| quote!(.await));
    let result = quote!(<__T as #trait_name>::#ident(&*#implementation, #(#lent),*)#wait);
    let result = match &method.output {
        Output::Alias { whole, .. } => quote_spanned! {whole.span()=>
            <#whole as __chirp::Outcome>::into_result(#result)
        },
        _ => result,
    };
    let encode = method.output.coder("encode");
    let reply = match method.output.error() {
        _ if method.is_oneway() => quote!(__chirp::nothing(#result)),
        None => quote!(__chirp::value(&#result, #encode)),
        Some(error) => quote! {
            __chirp::outcome(&#result, #encode, <#error as __chirp::Failure<__Codec>>::encode)
        },
    };
    let aliases = match &method.names[1..] {
        [] => quote!(),
        aliases => quote!(.or(&[#(__chirp::MethodId::new(#aliases)),*])),
    };
    quote! {
        #(#cfgs)*
        __chirp::Method::new(#ids::#constant, |#implementation, #request| __chirp::Box::pin(async move {
            let mut #arguments = __chirp::arguments::<__Codec>(&#request);
            let (#(__chirp::Some(#names),)* __chirp::Some(())) = (#(#takes,)* #arguments.end()) else {
                return __chirp::refused(#arguments);
            };
            #reply
        })) #aliases
    }
}
