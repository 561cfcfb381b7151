//! Generates the table by which a service is described and called in JSON.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Expr, Meta};

use crate::ast::{
    ArgumentForm, MethodArgument, Output, ServiceMethod, ServiceTrait, documentation, written,
};

/// Generates the table. The runtime's macro discards it unless the runtime has the feature `reflect`.
pub(super) fn emit(service: &ServiceTrait) -> TokenStream {
    if service
        .options
        .reflect
        .as_ref()
        .is_some_and(|option| !option.value)
    {
        return quote!(::core::option::Option::None);
    }
    let (name, documentation) = (service.name(), documentation(&service.item.attrs));
    let ordered = service.options.ordered.is_some();
    let schemas = service.options.schema.is_some();
    let methods = service
        .methods
        .iter()
        .map(|method| emit_method(method, schemas));
    quote! {
        __chirp::reflected! {
            __chirp::ServiceTable {
                name: #name,
                documentation: #documentation,
                codec: <__Codec as __chirp::Codec>::ID,
                ordered: #ordered,
                methods: &[#(#methods),*],
            }
        }
    }
}

fn emit_method(method: &ServiceMethod, schemas: bool) -> TokenStream {
    let cfgs = method.cfgs();
    let names = method.sent().map(|(argument, _)| {
        let names = argument.names();
        quote!(&[#(#names),*])
    });
    let optional = method
        .sent()
        .map(|(argument, _)| argument.default().is_some());
    let values = method
        .sent()
        .map(|(argument, form)| emit_argument(argument, form, schemas));
    let documentation = documentation(&method.item.attrs);
    let none = quote!(::core::option::Option::None);
    let (result, items) = match &method.items {
        _ if method.is_oneway() => (none.clone(), none.clone()),
        None => (emit_result(&method.output, schemas), none.clone()),
        Some(items) => (none.clone(), emit_items(items, schemas)),
    };
    let errors = [Some(&method.output), method.items.as_ref()].into_iter();
    let errors = errors
        .flatten()
        .filter_map(Output::error)
        .map(|error| quote!(|errors| <#error as __chirp::Failure<__Codec>>::describe(errors)));
    let deadline = match method.deadline {
        None => none.clone(),
        Some(limit) => {
            let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            quote!(__chirp::Some(::core::time::Duration::from_nanos(#nanos)))
        }
    };
    let deprecated = deprecation(&method.item.attrs).unwrap_or(none);
    let (by_name, params) = (method.named, method.is_params());
    quote! {
        #(#cfgs)*
        __chirp::MethodTable {
            documentation: #documentation,
            arguments: __chirp::ArgumentTable {
                names: &[#(#names),*],
                optional: &[#(#optional),*],
            },
            values: &[#(#values),*],
            result: #result,
            items: #items,
            errors: &[#(#errors),*],
            named: #by_name,
            params: #params,
            deadline: #deadline,
            deprecated: #deprecated,
        }
    }
}

fn emit_argument(argument: &MethodArgument, form: &ArgumentForm, schemas: bool) -> TokenStream {
    let (ty, shape, stream) = match form {
        ArgumentForm::Stream { item, .. } => (&**item, item_shape(&quote!(#item)), true),
        form => (&*argument.typed.ty, form.shape(), false),
    };
    let type_name = written(ty);
    let schema = schema(form, &quote!(schema_of_argument), schemas);
    quote! {
        __chirp::ValueTable {
            type_name: #type_name,
            shape: #shape,
            stream: #stream,
            schema: #schema,
        }
    }
}

fn emit_result(output: &Output, schemas: bool) -> TokenStream {
    let form = output.form();
    let (type_name, shape) = (output.type_name(), form.shape());
    let schema = schema(&form, &quote!(schema_of_result), schemas);
    quote! {
        __chirp::Some(__chirp::ValueTable {
            type_name: #type_name,
            shape: #shape,
            stream: false,
            schema: #schema,
        })
    }
}

fn emit_items(items: &Output, schemas: bool) -> TokenStream {
    let (type_name, shape) = (items.type_name(), item_shape(&items.ok()));
    let schema = schema(&items.form(), &quote!(schema_of_result), schemas);
    quote! {
        __chirp::Some(__chirp::ValueTable {
            type_name: #type_name,
            shape: #shape,
            stream: true,
            schema: #schema,
        })
    }
}

/// The function that returns the JSON Schema of a value, if the service has the option `schema`.
fn schema(form: &ArgumentForm, function: &TokenStream, schemas: bool) -> TokenStream {
    if !schemas {
        return quote!(::core::option::Option::None);
    }
    let ty = form.schema_type();
    quote_spanned!(form.schema_span()=> __chirp::schema!(__chirp::#function::<#ty>))
}

fn item_shape(item: &TokenStream) -> TokenStream {
    quote!(<#item as __chirp::Streamed<__Codec>>::shape)
}

/// The reason in a `#[deprecated]` attribute, which may be empty.
fn deprecation(attrs: &[Attribute]) -> Option<TokenStream> {
    let attr = attrs
        .iter()
        .find(|attr| attr.path().is_ident("deprecated"))?;
    let mut reason = quote!("");
    match &attr.meta {
        Meta::NameValue(value) => {
            let value = &value.value;
            reason = quote!(#value);
        }
        Meta::List(list) => {
            // The compiler reports mistakes in the attribute.
            let _ = list.parse_nested_meta(|meta| {
                let value: Expr = meta.value()?.parse()?;
                if meta.path.is_ident("note") {
                    reason = quote!(#value);
                }
                Ok(())
            });
        }
        Meta::Path(_) => {}
    }
    Some(quote!(__chirp::Some(#reason)))
}
