//! The options inside `#[chirp::service(..)]` and `#[chirp(..)]`.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitBool, LitStr, Meta, Path, Token, token};

use crate::mistakes::Mistakes;

/// Service options.
#[derive(Default)]
pub(crate) struct ServiceOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) codec: Option<Path>,
    pub(crate) ordered: Option<Ident>,
    pub(crate) named: Option<Ident>,
    pub(crate) reflect: Option<LitBool>,
    pub(crate) schema: Option<Ident>,
    pub(crate) krate: Option<Path>,
}

/// Method options.
#[derive(Default)]
pub(crate) struct MethodOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) oneway: Option<Ident>,
    pub(crate) blocking: Option<Ident>,
    pub(crate) idempotent: Option<Ident>,
    pub(crate) deadline: Option<LitStr>,
    pub(crate) named: Option<Ident>,
    pub(crate) params: Option<Ident>,
}

impl ServiceOptions {
    pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for entry in entries(tokens, mistakes) {
            match entry.key.to_string().as_str() {
                "name" => entry.text(&mut options.name, mistakes),
                "codec" => entry.path(&mut options.codec, mistakes),
                "ordered" => entry.flag(&mut options.ordered, mistakes),
                "named" => entry.flag(&mut options.named, mistakes),
                "reflect" => entry.bool(&mut options.reflect, mistakes),
                "schema" => entry.flag(&mut options.schema, mistakes),
                "crate" => entry.path(&mut options.krate, mistakes),
                of_method @ ("alias" | "oneway" | "blocking" | "idempotent" | "deadline" | "params") => {
                    mistakes.at(
                        &entry.key,
                        format!("`{of_method}` is a method option: move it to the method's `#[chirp(..)]`"),
                    );
                }
                codec @ ("Bincode" | "Postcard" | "MessagePack" | "Json" | "Raw") => mistakes.at(
                    &entry.key,
                    format!("to choose a codec, write `codec = chirp::codec::{codec}`"),
                ),
                other => mistakes.at(
                    &entry.key,
                    format!(
                        "unknown option `{other}` (supported on a service: `name = \"..\"`, `codec = path`, `ordered`, \
                         `named`, `reflect = false`, `schema`, `crate = path`)"
                    ),
                ),
            }
        }
        options
    }
}

impl MethodOptions {
    pub(crate) fn parse(attrs: &[Attribute], mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for entry in chirp_entries(attrs, mistakes) {
            match entry.key.to_string().as_str() {
                "name" => entry.text(&mut options.name, mistakes),
                "alias" => {
                    let mut alias = None;
                    entry.text(&mut alias, mistakes);
                    options.aliases.extend(alias);
                }
                "oneway" => entry.flag(&mut options.oneway, mistakes),
                "blocking" => entry.flag(&mut options.blocking, mistakes),
                "idempotent" => entry.flag(&mut options.idempotent, mistakes),
                "deadline" => entry.text(&mut options.deadline, mistakes),
                "named" => entry.flag(&mut options.named, mistakes),
                "params" => entry.flag(&mut options.params, mistakes),
                of_service @ ("codec" | "ordered" | "reflect" | "schema" | "crate") => mistakes.at(
                    &entry.key,
                    format!(
                        "`{of_service}` is a service option: move it to `#[chirp::service(..)]`"
                    ),
                ),
                other => mistakes.at(
                    &entry.key,
                    format!(
                        "unknown option `{other}` (supported on a method: `name = \"..\"`, `alias = \"..\"`, `oneway`, \
                         `blocking`, `idempotent`, `deadline = \"..\"`, `named`, `params`)"
                    ),
                ),
            }
        }
        options
    }
}

/// One option: `key` or `key = value`.
pub(crate) struct OptionEntry {
    pub(crate) key: Ident,
    pub(crate) value: Option<Expr>,
}

impl Parse for OptionEntry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = Ident::parse_any(input).map_err(|error| {
            Error::new(error.span(), "expected an option: `key` or `key = value`")
        })?;
        if input.peek(token::Paren) {
            let message = format!("`{key}` expects a value after `=`: `{}`", example(&key));
            return Err(Error::new(input.span(), message));
        }
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(ungroup(input.parse()?)),
            None => None,
        };
        Ok(Self { key, value })
    }
}

/// An example of an option with a value.
fn example(key: &Ident) -> String {
    let value = match key.to_string().as_str() {
        "codec" => "chirp::codec::Json",
        "crate" => "::chirp",
        "code" => "17",
        "deadline" => "\"5s\"",
        "reflect" => "false",
        _ => "\"..\"",
    };
    format!("{key} = {value}")
}

/// Removes the invisible group that `macro_rules!` puts around a fragment.
fn ungroup(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => ungroup(*group.expr),
        other => other,
    }
}

impl OptionEntry {
    pub(crate) fn text(self, option: &mut Option<LitStr>, mistakes: &mut Mistakes) {
        let Self { key, value } = self;
        match value {
            Some(Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            })) => set(option, text, &key, mistakes),
            Some(value) => mistakes.at(
                value,
                format!("`{key}` expects a string literal: `{}`", example(&key)),
            ),
            None => mistakes.at(
                &key,
                format!("`{key}` expects a string literal: `{}`", example(&key)),
            ),
        }
    }

    pub(crate) fn path(self, option: &mut Option<Path>, mistakes: &mut Mistakes) {
        let Self { key, value } = self;
        match value {
            Some(Expr::Path(path)) if path.qself.is_none() => {
                set(option, path.path, &key, mistakes);
            }
            Some(value) => mistakes.at(
                value,
                format!("`{key}` expects a path without quotes: `{}`", example(&key)),
            ),
            None => mistakes.at(&key, format!("`{key}` expects a path: `{}`", example(&key))),
        }
    }

    fn bool(self, option: &mut Option<LitBool>, mistakes: &mut Mistakes) {
        let Self { key, value } = self;
        match value {
            Some(Expr::Lit(ExprLit {
                lit: Lit::Bool(value),
                ..
            })) => set(option, value, &key, mistakes),
            _ => mistakes.at(
                &key,
                format!("`{key}` expects `true` or `false`: `{}`", example(&key)),
            ),
        }
    }

    pub(crate) fn flag(self, option: &mut Option<Ident>, mistakes: &mut Mistakes) {
        let Self { key, value } = self;
        match value {
            None => set(option, key.clone(), &key, mistakes),
            Some(value) => mistakes.at(value, format!("`{key}` does not take a value")),
        }
    }
}

/// Sets an option, and reports a duplicate.
pub(crate) fn set<T>(option: &mut Option<T>, value: T, key: &Ident, mistakes: &mut Mistakes) {
    match option {
        Some(_) => mistakes.at(key, format!("duplicate option `{key}`")),
        None => *option = Some(value),
    }
}

/// All options in the `#[chirp(..)]` attributes among `attrs`.
pub(crate) fn chirp_entries(attrs: &[Attribute], mistakes: &mut Mistakes) -> Vec<OptionEntry> {
    let mut all = Vec::new();
    for attr in attrs.iter().filter(|attr| is_chirp(attr)) {
        match &attr.meta {
            Meta::List(list) => all.extend(entries(list.tokens.clone(), mistakes)),
            _ => mistakes.at(attr, "expected options in parentheses: `#[chirp(..)]`"),
        }
    }
    for attr in attrs.iter().filter(|attr| hides_chirp(attr)) {
        mistakes.at(
            attr,
            "`#[chirp(..)]` inside `cfg_attr` is not supported: declare the method twice, each with its own `#[cfg(..)]`",
        );
    }
    all
}

/// Returns `true` if the attribute is `#[chirp(..)]`, which must be removed from the output.
pub(crate) fn is_chirp(attr: &Attribute) -> bool {
    attr.path().is_ident("chirp")
}

/// Returns `true` if the attribute is a `#[cfg_attr(.., chirp(..))]`.
pub(crate) fn hides_chirp(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg_attr")
        && matches!(&attr.meta, Meta::List(list) if list.tokens.clone().into_iter().any(
            |token| matches!(&token, TokenTree::Ident(ident) if ident == "chirp"),
        ))
}

fn entries(tokens: TokenStream, mistakes: &mut Mistakes) -> Vec<OptionEntry> {
    let parser = Punctuated::<OptionEntry, Token![,]>::parse_terminated;
    mistakes
        .keep(parser.parse2(tokens))
        .map(|entries| entries.into_iter().collect())
        .unwrap_or_default()
}
