use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, MetaNameValue};

use super::reflection;
use crate::ast::{ArgumentForm, Output, ServiceMethod, ServiceTrait, only};

pub(super) fn emit_type(service: &ServiceTrait) -> TokenStream {
    let vis = &service.item.vis;
    let krate = service.krate();
    let name = service.client();
    let cfgs = only(&service.item.attrs, &["cfg", "deprecated"]);
    let doc = format!(
        " Calls the methods of [`{}`] on the other side of a connection, or in this process (`local`).\n\n \
         Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and \
         share the connection.",
        service.item.ident
    );
    let parameters = service.parameters();
    let (list, [phantom, _]) = (parameters.list(None), parameters.phantom());
    // On a generic type, the derives would require `Clone` and `Debug` of the parameters.
    let derives = parameters
        .is_empty()
        .then(|| quote!(#[derive(::core::clone::Clone, ::core::fmt::Debug)]));
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(dead_code)]
        #derives
        #vis struct #name #list(#krate::__private::Client #phantom);
    }
}

pub(super) fn emit_impl(service: &ServiceTrait) -> TokenStream {
    let vis = &service.item.vis;
    let (item, name, server) = (&service.item.ident, service.client(), service.server());
    let own_name = service.name();
    let methods = service
        .methods
        .iter()
        .map(|method| emit_method(service, method));
    let parameters = service.parameters();
    let (bounded, list, clause) = (
        parameters.bounded(None),
        parameters.list(None),
        parameters.clause(),
    );
    let [_, phantom] = parameters.phantom();
    let (ids, reflection) = (service.method_ids(), reflection::emit(service));
    let server_list = parameters.list(Some(quote!(_)));
    let derived = (!parameters.is_empty()).then(|| {
        quote! {
            impl #list ::core::clone::Clone for #name #list {
                fn clone(&self) -> Self {
                    Self(::core::clone::Clone::clone(&self.0) #phantom)
                }
            }

            impl #list ::core::fmt::Debug for #name #list {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_tuple(::core::stringify!(#name)).field(&self.0).finish()
                }
            }
        }
    });
    quote! {
        #derived

        // Servers use the same table.
        #[doc(hidden)]
        impl #bounded #name #list #clause {
            const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = #reflection;
        }

        impl #bounded #name #list #clause {
            /// Creates a client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
            #vis fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
                Self(__chirp::Client::new(&caller) #phantom)
            }

            /// Creates a client without a connection. Its calls are templates for groups of targets (`gather`);
            /// by themselves they fail with `CallError::Unbound`.
            #vis fn unbound() -> Self {
                Self(__chirp::Client::unbound() #phantom)
            }

            /// Creates a client of an implementation in this process, without a connection. Values are
            /// encoded and decoded as on a connection.
            #vis fn local(implementation: impl #item #list + 'static) -> Self {
                Self(__chirp::Client::local(#server::#server_list::new(implementation)) #phantom)
            }

            /// Creates a client of an implementation in this process whose handlers call back through `caller`:
            /// `cx.caller()` is this caller.
            #vis fn local_with(
                implementation: impl #item #list + 'static,
                caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
            ) -> Self {
                Self(__chirp::Client::local_with(#server::#server_list::new(implementation), &caller) #phantom)
            }

            /// Creates a client of a shared implementation in this process: see `local`.
            #vis fn local_from_arc(implementation: __chirp::Arc<impl #item #list + 'static>) -> Self {
                Self(__chirp::Client::local(#server::#server_list::from_arc(implementation)) #phantom)
            }

            /// Calls an instance that is registered under `name` instead of the service's own name.
            #[must_use]
            #vis fn named(self, name: &str) -> Self {
                Self(self.0.named(#own_name, name) #phantom)
            }

            /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
            /// its dot.
            #[must_use]
            #vis fn prefixed(self, prefix: &str) -> Self {
                Self(self.0.prefixed(#own_name, prefix) #phantom)
            }

            /// Adds an entry of metadata to every call of the returned client. A call may set another value.
            #[must_use]
            #vis fn with_metadata(
                self,
                key: &str,
                value: impl ::core::convert::AsRef<[::core::primitive::u8]>,
            ) -> Self {
                Self(self.0.with_metadata(key, ::core::convert::AsRef::as_ref(&value)) #phantom)
            }

            /// Limits the time of every call of the returned client, unless the call has a limit of its own.
            #[must_use]
            #vis fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
                Self(self.0.with_timeout(timeout) #phantom)
            }

            /// Sends every call of the returned client again by a policy when it has failed, unless the call has a
            /// policy of its own.
            #[must_use]
            #vis fn with_retry(self, policy: &__chirp::RetryPolicy) -> Self {
                Self(self.0.with_retry(policy) #phantom)
            }

            __chirp::json_client! { [#vis] [#phantom] }

            /// Adds a layer around the calls of this client, inside of the layers that it has.
            #[must_use]
            #vis fn with_layer(self, layer: impl __chirp::ClientLayer) -> Self {
                Self(self.0.with_layer(layer) #phantom)
            }

            /// Asks the other side whether it serves these methods with the same signatures. If the other side describes
            /// its methods, compares the parts of their types, too. The result is advisory and does not affect calls.
            ///
            /// # Errors
            ///
            /// Returns the error of the underlying call. A side that does not support the question is not an error.
            #vis fn check_compatibility(&self) -> __chirp::CompatibilityCheck {
                self.0.compare(#ids::CONTRACT, Self::REFLECTION)
            }

            #(#methods)*
        }
    }
}

/// The generated part of a client method's documentation.
fn note(service: &ServiceTrait, method: &ServiceMethod) -> String {
    let (item, ident, name) = (
        &service.item.ident,
        method.ident().unraw(),
        &method.names[0],
    );
    let mut note = vec![format!(
        " Calls [`{item}::{ident}`] (`{name}` on the wire)."
    )];
    if method.is_oneway() {
        note.push("One way: there is no reply.".to_owned());
    }
    if let Some(deadline) = method.deadline {
        note.push(format!(
            "The call times out after {deadline:?} unless another limit is set."
        ));
    }
    if method.is_idempotent() {
        note.push("Idempotent: it may be retried even if it may have run.".to_owned());
    }
    note.join(" ")
}

/// The index of the first heading among the doc lines, or their number.
fn first_heading(docs: &[&Attribute]) -> usize {
    let mut in_code = false;
    let is_heading = |doc: &&Attribute| {
        let Meta::NameValue(MetaNameValue {
            value:
                Expr::Lit(ExprLit {
                    lit: Lit::Str(line),
                    ..
                }),
            ..
        }) = &doc.meta
        else {
            return false;
        };
        let line = line.value();
        in_code ^= line.trim_start().starts_with("```");
        !in_code && line.trim_start().starts_with("# ")
    };
    docs.iter().position(is_heading).unwrap_or(docs.len())
}

fn emit_method(service: &ServiceTrait, method: &ServiceMethod) -> TokenStream {
    let vis = &service.item.vis;
    let attrs = only(&method.item.attrs, &["cfg", "deprecated", "must_use"]);
    let docs = only(&method.item.attrs, &["doc"]);
    let note = note(service, method);
    // Inserted before the first heading, where it belongs to the summary.
    let (docs, sections) = docs.split_at(first_heading(&docs));
    let note = if docs.is_empty() {
        quote!(#[doc = #note])
    } else {
        quote!(#[doc = ""] #[doc = #note])
    };
    let sections = (!sections.is_empty()).then(|| quote!(#[doc = ""] #(#sections)*));
    let (ident, ids, constant) = (method.ident(), service.method_ids(), method.constant());
    let id = quote!(#ids::#constant);
    let inputs = method.sent().map(|(argument, form)| {
        let (name, ty) = (argument.ident(), &argument.typed.ty);
        if let ArgumentForm::Stream { item, .. } = form {
            quote!(#name: impl __chirp::IntoReceiver<#item>)
        } else {
            quote!(#name: #ty)
        }
    });
    // Hygienic: it cannot clash with an argument's name.
    let out = Ident::new("out", Span::mixed_site());
    let mutability = method.sent().next().map(|_| quote!(mut));
    let puts = method
        .sent()
        .map(|(argument, form)| form.put(&argument.ident(), &out));
    let names = method
        .sent()
        .map(|(argument, _)| argument.names().remove(0));
    let names = quote!(&[#(#names),*]);
    let encoder = match method.named {
        _ if method.is_params() => quote!(params::<__Codec>()),
        true => quote!(by_name::<__Codec>(#names)),
        false => quote!(by_position::<__Codec>(#names)),
    };
    let Calling { output, call } = match &method.items {
        _ if method.is_oneway() => one_way(&id, &out),
        Some(items) => streaming(method, items, &id, &out),
        None => unary(method, &id, &out),
    };
    let idempotent = (method.is_idempotent() && !method.is_oneway()).then(|| quote!(.idempotent()));
    let timeout = method.deadline.map(|deadline| {
        // `time::parse` accepts only durations that fit.
        let nanos = u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX);
        quote!(.default_timeout(::core::time::Duration::from_nanos(#nanos)))
    });
    quote! {
        #(#attrs)*
        #(#docs)*
        #note
        #sections
        #vis fn #ident(&self, #(#inputs),*) -> #output {
            let #mutability #out = self.0.#encoder;
            #(#puts;)*
            self.0.#call #idempotent #timeout
        }
    }
}

/// The generated pieces of a client method.
struct Calling {
    /// The return type.
    output: TokenStream,
    /// The call into the runtime.
    call: TokenStream,
}

fn one_way(id: &TokenStream, out: &Ident) -> Calling {
    Calling {
        output: quote!(__chirp::OneWayCall),
        call: quote!(call_one_way(#id, #out)),
    }
}

fn unary(method: &ServiceMethod, id: &TokenStream, out: &Ident) -> Calling {
    let (ok, decode) = (method.output.ok(), method.output.coder("from_response"));
    let [answer, name] = ["answer", "method"].map(|name| Ident::new(name, Span::mixed_site()));
    let Some(error) = method.output.error() else {
        return Calling {
            output: quote!(__chirp::Call<#ok>),
            call: quote!(call(#id, #out, |#answer, #name| __chirp::value_of(#answer, #name, #decode))),
        };
    };
    Calling {
        output: if let Output::Alias { whole, .. } = &method.output {
            // Uses the user's alias, which is shorter in documentation.
            quote_spanned!(whole.span()=> __chirp::CallOf<#whole>)
        } else {
            quote!(__chirp::Call<#ok, __chirp::MethodError<#error>>)
        },
        call: quote!(call(#id, #out, |#answer, #name| __chirp::outcome_of(
            #answer,
            #name,
            #decode,
            <#error as __chirp::Failure<__Codec>>::decode,
        ))),
    }
}

fn streaming(method: &ServiceMethod, items: &Output, id: &TokenStream, out: &Ident) -> Calling {
    let (ok, receiver) = (items.ok(), items.receiver());
    let [answer, name, failure] =
        ["answer", "method", "error"].map(|name| Ident::new(name, Span::mixed_site()));
    let json = Ident::new("json", Span::mixed_site());
    let failure = match items.error() {
        None => quote!(|#failure, _| #failure),
        Some(error) => quote! {
            |#failure, #json| __chirp::item_error(
                #failure,
                #json,
                <#error as __chirp::Failure<__Codec>>::decode,
            )
        },
    };
    let stream = quote!(<#ok as __chirp::Streamed<__Codec>>::receive(#answer, #name, #failure));
    match method.output.error() {
        None => Calling {
            output: quote!(__chirp::Call<#receiver>),
            call: quote!(stream(#id, #out, |#answer, #name| #stream)),
        },
        Some(error) => Calling {
            output: quote!(__chirp::Call<#receiver, __chirp::MethodError<#error>>),
            call: quote!(stream(#id, #out, |#answer, #name| __chirp::stream_outcome(
                #stream,
                #name,
                <#error as __chirp::Failure<__Codec>>::decode,
            ))),
        },
    }
}
