use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Pat, PatType, Path, Token, Type};

use super::form::{ArgumentForm, inner_type, last_segment};
use crate::args::{OptionEntry, set};
use crate::mistakes::Mistakes;

/// An argument of a method, other than `self`.
pub(crate) struct MethodArgument {
    pub(crate) typed: PatType,
    /// The form in which it is sent, or `None` for `&CallContext`, which is not sent.
    pub(crate) form: Option<ArgumentForm>,
    pub(crate) options: ArgumentOptions,
}

/// The serde attributes of a named argument.
#[derive(Default)]
pub(crate) struct ArgumentOptions {
    rename: Option<LitStr>,
    aliases: Vec<LitStr>,
    default: Option<ArgumentDefault>,
}

/// The default of a missing argument.
enum ArgumentDefault {
    /// `Default::default()`, reported at this span.
    Trait(Span),
    /// The result of this function.
    Path(Path),
}

impl MethodArgument {
    pub(super) fn new(typed: &PatType, mistakes: &mut Mistakes) -> Self {
        let form = match &*typed.ty {
            Type::Reference(reference)
                if last_segment(&reference.elem)
                    .is_some_and(|segment| segment.ident == "CallContext") =>
            {
                None
            }
            ty => Some(ArgumentForm::of_argument(ty)),
        };
        Self {
            typed: typed.clone(),
            form,
            options: ArgumentOptions::parse(&typed.attrs, mistakes),
        }
    }

    /// The argument's name, or a placeholder for a pattern, which `validate` reports.
    pub(crate) fn ident(&self) -> Ident {
        match &*self.typed.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            other => Ident::new("_unnamed", other.span()),
        }
    }

    /// The argument's names on the wire: its own, then its aliases.
    pub(crate) fn names(&self) -> Vec<String> {
        let own = match &self.options.rename {
            Some(name) => name.value(),
            None => self.ident().unraw().to_string(),
        };
        let aliases = self.options.aliases.iter().map(LitStr::value);
        std::iter::once(own).chain(aliases).collect()
    }

    /// The default expression, if the argument is optional.
    pub(crate) fn default(&self) -> Option<TokenStream> {
        match &self.options.default {
            Some(ArgumentDefault::Trait(span)) => {
                Some(quote_spanned!(*span=> ::core::default::Default::default()))
            }
            Some(ArgumentDefault::Path(path)) => {
                let form = self.form.as_ref()?;
                let (owned, convert) = (form.owned(), form.of_owned());
                Some(quote_spanned! {path.span()=> {
                    let default: fn() -> #owned = #path;
                    default() #convert
                }})
            }
            None => last_segment(&self.typed.ty)
                .is_some_and(|segment| segment.ident == "Option" && inner_type(segment).is_some())
                .then(|| quote!(::core::option::Option::None)),
        }
    }
}

impl ArgumentOptions {
    fn parse(attrs: &[Attribute], mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let Meta::List(list) = &attr.meta else {
                mistakes.at(attr, "expected options in parentheses: `#[serde(..)]`");
                continue;
            };
            let parsed =
                list.parse_args_with(Punctuated::<OptionEntry, Token![,]>::parse_terminated);
            for entry in mistakes.keep(parsed).into_iter().flatten() {
                options.take(entry, mistakes);
            }
        }
        options
    }

    fn take(&mut self, entry: OptionEntry, mistakes: &mut Mistakes) {
        match entry.key.to_string().as_str() {
            "rename" => entry.text(&mut self.rename, mistakes),
            "alias" => {
                let mut alias = None;
                entry.text(&mut alias, mistakes);
                self.aliases.extend(alias);
            }
            "default" => {
                let OptionEntry { key, value } = entry;
                let default = match value {
                    None => ArgumentDefault::Trait(key.span()),
                    Some(Expr::Lit(ExprLit {
                        lit: Lit::Str(path),
                        ..
                    })) => match mistakes.keep(path.parse()) {
                        Some(path) => ArgumentDefault::Path(path),
                        None => return,
                    },
                    Some(_) => {
                        mistakes.at(
                            &key,
                            "`default` expects the path of a function as a string literal: `default = \"path\"`",
                        );
                        return;
                    }
                };
                set(&mut self.default, default, &key, mistakes);
            }
            other => mistakes.at(
                &entry.key,
                format!(
                    "serde's `{other}` is not supported on an argument (supported: `default`, `default = \"path\"`, `rename = \"..\"`, \
                     `alias = \"..\"`): use a struct with such a field"
                ),
            ),
        }
    }
}
