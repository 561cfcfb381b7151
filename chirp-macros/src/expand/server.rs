use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::ast::{Output, ServiceMethod, ServiceTrait, only};

pub(super) fn emit_type(service: &ServiceTrait) -> TokenStream {
    let vis = &service.item.vis;
    let krate = service.krate();
    let name = service.server();
    let cfgs = only(&service.item.attrs, &["cfg", "deprecated"]);
    let doc = format!(
        " Serves an implementation of [`{}`] on a peer or a server.",
        service.item.ident
    );
    let parameters = service.parameters();
    let t = parameters.implementation(&service.item.ident);
    let (list, [phantom, _]) = (parameters.list(Some(quote!(#t))), parameters.phantom());
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(dead_code)]
        #vis struct #name #list(#krate::__private::Implementation<#t> #phantom);
    }
}

pub(super) fn emit_impl(service: &ServiceTrait) -> TokenStream {
    let vis = &service.item.vis;
    let (item, name) = (&service.item.ident, service.server());
    let own_name = service.name();
    let methods = service
        .methods
        .iter()
        .map(|method| emit_method(service, method));
    let parameters = service.parameters();
    let (own, clause) = (parameters.list(None), parameters.clause());
    let [_, phantom] = parameters.phantom();
    let t = parameters.implementation(&service.item.ident);
    // The methods mention the user's types, one of which may be named `T`.
    let own_t = Ident::new("__T", Span::call_site());
    let [with_t, with_own_t] = [&t, &own_t].map(|t| {
        let bounded = parameters.bounded(Some(quote!(#t: #item #own + 'static)));
        let list = parameters.list(Some(quote!(#t)));
        [bounded, list]
    });
    let ([bounded, list], [own_bounded, own_list]) = (with_t, with_own_t);
    let (ids, ordered) = (service.method_ids(), service.options.ordered.is_some());
    let client = service.client();
    let blocking = service
        .methods
        .iter()
        .any(ServiceMethod::is_blocking)
        .then(|| {
            quote! {
                /// Runs blocking methods on `blocking`, which several services may share. Without it, the service
                /// has a pool of 64 threads of its own.
                #[must_use]
                #vis fn blocking(self, blocking: &__chirp::BlockingPool) -> Self {
                    Self(self.0.blocking(blocking) #phantom)
                }
            }
        });
    quote! {
        impl #bounded #name #list #clause {
            /// Serves `implementation`.
            #vis fn new(implementation: #t) -> Self {
                Self::from_arc(__chirp::Arc::new(implementation))
            }

            /// Serves a shared implementation.
            #vis fn from_arc(implementation: __chirp::Arc<#t>) -> Self {
                Self(__chirp::Implementation::new(implementation) #phantom)
            }

            /// Registers the service under `name` instead of its own name.
            #[must_use]
            #vis fn named(self, name: &str) -> Self {
                Self(self.0.named(#own_name, name) #phantom)
            }

            /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
            /// them.
            #[must_use]
            #vis fn prefixed(self, prefix: &str) -> Self {
                Self(self.0.prefixed(#own_name, prefix) #phantom)
            }

            /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
            /// layers of the peer or server.
            #[must_use]
            #vis fn layer(self, layer: impl __chirp::Layer) -> Self {
                Self(self.0.layer(layer) #phantom)
            }

            #blocking
        }

        #[doc(hidden)]
        impl #own_bounded #name #own_list #clause {
            const METHODS: __chirp::Methods<__T> = __chirp::Methods {
                owner: ::core::concat!("`", ::core::module_path!(), "::", ::core::stringify!(#item), "`"),
                methods: &[#(#methods),*],
                contract: #ids::CONTRACT,
                ordered: #ordered,
                reflection: <#client #own>::REFLECTION,
            };
        }

        impl #bounded __chirp::Service for #name #list #clause {
            fn register(
                self,
                router: &mut __chirp::Router,
            ) -> ::core::result::Result<(), __chirp::RouteError> {
                self.0.register(router, &Self::METHODS)
            }
        }

        impl #list ::core::fmt::Debug for #name #list {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.0, f)
            }
        }
    }
}

/// Generates a method table entry: decode the arguments, call the method, encode the result.
fn emit_method(service: &ServiceTrait, method: &ServiceMethod) -> TokenStream {
    let cfgs = method.cfgs();
    let (ident, ids) = (method.ident(), service.method_ids());
    let constant = method.constant();
    let (trait_name, own) = (&service.item.ident, service.parameters().list(None));
    // Hygienic: arguments cannot shadow these names.
    let [implementation, request, arguments, results] =
        ["service", "request", "arguments", "results"]
            .map(|name| Ident::new(name, Span::mixed_site()));
    let names: Vec<_> = method
        .sent()
        .map(|(argument, _)| argument.ident())
        .collect();
    let takes = method.sent().enumerate().map(|(index, (argument, form))| {
        let take = form.take(&arguments);
        match argument.default() {
            _ if !method.named => take,
            None => quote!({ #arguments.require(#index); #take }),
            Some(default) => quote! {
                if #arguments.find(#index) { #take } else { __chirp::Some(#default) }
            },
        }
    });
    let decoder = if method.is_params() {
        quote!(__chirp::params::<__Codec>(&#request))
    } else if method.named {
        let names = method.sent().map(|(argument, _)| argument.names());
        let names = names.map(|names| quote!(&[#(#names),*]));
        quote!(__chirp::named_arguments::<__Codec>(&#request, &[#(#names),*]))
    } else {
        quote!(__chirp::arguments::<__Codec>(&#request))
    };
    let lent = method
        .arguments
        .iter()
        .map(|argument| match &argument.form {
            None => quote!(#request.context()),
            Some(form) => form.lend(&argument.ident()),
        });
    let wait = method.item.sig.asyncness.map(|_| quote!(.await));
    let result = quote!(<__T as #trait_name #own>::#ident(&*#implementation, #(#lent),*)#wait);
    let reply = match &method.items {
        Some(items) => send(method, items, &result, [&results, &request]),
        None => reply(method, &result, &request),
    };
    let aliases = match &method.names[1..] {
        [] => quote!(),
        aliases => quote!(.or(&[#(__chirp::MethodId::new(#aliases)),*])),
    };
    // The decoder is dropped before the method is called, to keep it out of the future.
    let take = quote! {
        let mut #arguments = #decoder;
        let (#(__chirp::Some(#names),)* __chirp::Some(())) = (#(#takes,)* #arguments.end()) else {
            return __chirp::refused(#arguments);
        };
    };
    // The result stream's half precedes the arguments.
    let wanted = method.items.as_ref().map(|_| {
        quote! {
            let __chirp::Some(#results) = __chirp::results::<__Codec>(&#request) else {
                return __chirp::not_wanted();
            };
        }
    });
    let body = match &names[..] {
        [] => quote!(#wanted { #take } #reply),
        names => quote! {
            #wanted
            let (#(#names,)*) = { #take (#(#names,)*) };
            #reply
        },
    };
    if method.is_blocking() {
        return quote! {
            #(#cfgs)*
            __chirp::Method::blocking(#ids::#constant, |#implementation, #request| {
                #body
            }) #aliases
        };
    }
    quote! {
        #(#cfgs)*
        __chirp::Method::new(#ids::#constant, |#implementation, #request| __chirp::Box::pin(async move {
            #body
        })) #aliases
    }
}

/// Encodes the reply of a unary method.
fn reply(method: &ServiceMethod, result: &TokenStream, request: &Ident) -> TokenStream {
    let encode = method.output.coder("payload");
    let result = if let Output::Alias { whole, .. } = &method.output {
        quote_spanned!(whole.span()=> <#whole as __chirp::Outcome>::into_result(#result))
    } else {
        quote!(#result)
    };
    match method.output.error() {
        _ if method.is_oneway() => quote!(__chirp::nothing(#result)),
        None => quote!(__chirp::value(#result, #encode, &#request)),
        Some(error) => quote! {
            __chirp::outcome(
                #result,
                #encode,
                <#error as __chirp::Failure<__Codec>>::encode,
                &#request,
            )
        },
    }
}

/// Sends a returned stream and encodes the reply that follows its last item.
fn send(
    method: &ServiceMethod,
    items: &Output,
    result: &TokenStream,
    [results, request]: [&Ident; 2],
) -> TokenStream {
    let [stream, outcome, failure] =
        ["stream", "outcome", "error"].map(|name| Ident::new(name, Span::mixed_site()));
    let ok = items.ok();
    let sent = |stream: &TokenStream| match items.error() {
        None => quote!(<#ok as __chirp::Streamed<__Codec>>::send(#results, #stream).await),
        Some(error) => quote! {
            <#ok as __chirp::Streamed<__Codec>>::send_results(
                #results,
                #stream,
                <#error as __chirp::Failure<__Codec>>::encode,
            )
            .await
        },
    };
    let Some(error) = method.output.error() else {
        return sent(result);
    };
    let sent = sent(&quote!(#stream));
    quote! {
        let #outcome = __chirp::Outcome::into_result(#result);
        match #outcome {
            ::core::result::Result::Ok(#stream) => #sent,
            ::core::result::Result::Err(#failure) => {
                __chirp::failure(&#failure, <#error as __chirp::Failure<__Codec>>::encode, &#request)
            }
        }
    }
}
