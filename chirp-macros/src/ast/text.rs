//! Parts of the source as text, for descriptions.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, Meta};

/// The documentation in these attributes, as an expression of type `&str`.
pub(crate) fn documentation(attrs: &[Attribute]) -> TokenStream {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => Some(&doc.value),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return quote!("");
    }
    quote!(::core::concat!(#(#lines, "\n"),*))
}

/// A type as it is written, with the usual spaces.
pub(crate) fn written(ty: &impl ToTokens) -> String {
    let mut text = String::new();
    write(ty.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                let is_arrow = punct.as_char() == '>' && text.ends_with('-');
                match punct.as_char() {
                    ',' | ';' if tokens.peek().is_some() => {
                        text.push(punct.as_char());
                        text.push(' ');
                    }
                    // A comma behind the last argument.
                    ',' => {}
                    '=' | '+' if punct.spacing() == Spacing::Alone => {
                        text.push(' ');
                        text.push(punct.as_char());
                        text.push(' ');
                    }
                    other => text.push(other),
                }
                if is_arrow {
                    text.push(' ');
                }
            }
            word => {
                let is_after_word =
                    text.ends_with(|last: char| last.is_alphanumeric() || last == '_');
                if is_after_word {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}
