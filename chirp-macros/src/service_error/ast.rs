use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Expr, ExprLit, Field, Fields, Ident, Lit, LitInt, Path};

use crate::args::{OptionEntry, chirp_entries, set};
use crate::ast::krate;
use crate::mistakes::Mistakes;

/// The input of `derive(ServiceError)`: an enum or a struct.
pub(super) struct ErrorType {
    pub(super) input: DeriveInput,
    krate: Option<Path>,
    pub(super) variants: Vec<ErrorVariant>,
}

/// A variant of an enum, or a struct as a whole.
pub(super) struct ErrorVariant {
    pub(super) ident: Ident,
    /// The attributes of a variant. `None` for a struct.
    pub(super) attrs: Option<Vec<Attribute>>,
    pub(super) code: Option<Code>,
    /// `#[chirp(other)]`: the catch-all variant, for errors that no other variant matches.
    pub(super) other: Option<Ident>,
    /// Set if one of its options is invalid, so that no follow-up mistake is reported.
    pub(super) reported: bool,
    pub(super) style: Style,
    pub(super) fields: Vec<ErrorField>,
}

/// An error code.
pub(super) enum Code {
    Literal(LitInt),
    /// A constant, whose value only the compiler knows.
    Constant(Path),
}

/// The syntax of the fields.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Named,
    Tuple,
    Unit,
}

pub(super) struct ErrorField {
    pub(super) field: Field,
    /// `#[chirp(data)]`: the field is sent as the error's raw data.
    pub(super) data: Option<Ident>,
}

impl ErrorType {
    pub(super) fn new(input: DeriveInput, mistakes: &mut Mistakes) -> Self {
        let mut path = None;
        let mut code = None;
        let before = mistakes.count();
        let is_struct = matches!(input.data, Data::Struct(_));
        for entry in chirp_entries(&input.attrs, mistakes) {
            match entry.key.to_string().as_str() {
                "crate" => entry.path(&mut path, mistakes),
                "code" if is_struct => parse_code(entry, &mut code, mistakes),
                "code" => mistakes.at(
                    &entry.key,
                    "the code belongs on each variant: move `#[chirp(code = ..)]` to the variants",
                ),
                other => mistakes.at(
                    &entry.key,
                    format!("unknown option `{other}` (supported here: `crate = path`, and on a struct `code = 17`)"),
                ),
            }
        }
        let reported = mistakes.count() > before;
        let variants = match &input.data {
            Data::Struct(data) => vec![ErrorVariant::new(
                &input.ident,
                VariantOptions { code, other: None },
                reported,
                &data.fields,
                mistakes,
            )],
            Data::Enum(data) => data
                .variants
                .iter()
                .map(|variant| {
                    let before = mistakes.count();
                    let options = variant_options(&variant.attrs, mistakes);
                    let reported = reported || mistakes.count() > before;
                    let fields = &variant.fields;
                    ErrorVariant {
                        attrs: Some(variant.attrs.clone()),
                        ..ErrorVariant::new(&variant.ident, options, reported, fields, mistakes)
                    }
                })
                .collect(),
            Data::Union(data) => {
                mistakes.at(
                    data.union_token,
                    "`ServiceError` can be derived for enums and structs only",
                );
                Vec::new()
            }
        };
        Self {
            krate: path,
            variants,
            input,
        }
    }

    /// The path of the `chirp` crate.
    pub(super) fn krate(&self) -> TokenStream {
        krate(self.krate.as_ref())
    }
}

impl ErrorVariant {
    fn new(
        ident: &Ident,
        options: VariantOptions,
        reported: bool,
        fields: &Fields,
        mistakes: &mut Mistakes,
    ) -> Self {
        Self {
            ident: ident.clone(),
            attrs: None,
            code: options.code,
            other: options.other,
            reported,
            style: match fields {
                Fields::Named(_) => Style::Named,
                Fields::Unnamed(_) => Style::Tuple,
                Fields::Unit => Style::Unit,
            },
            fields: fields
                .iter()
                .map(|field| ErrorField::new(field, mistakes))
                .collect(),
        }
    }

    /// The `#[chirp(data)]` field.
    pub(super) fn data(&self) -> Option<&ErrorField> {
        self.fields.iter().find(|field| field.data.is_some())
    }
}

impl ErrorField {
    fn new(field: &Field, mistakes: &mut Mistakes) -> Self {
        let mut data = None;
        for entry in chirp_entries(&field.attrs, mistakes) {
            match entry.key.to_string().as_str() {
                "data" => entry.flag(&mut data, mistakes),
                other => mistakes.at(
                    &entry.key,
                    format!("unknown option `{other}` (supported on a field: `data`)"),
                ),
            }
        }
        Self {
            field: field.clone(),
            data,
        }
    }

    /// The name of the field's binding in the generated code.
    pub(super) fn binding(&self, index: usize) -> Ident {
        match &self.field.ident {
            Some(ident) => quote::format_ident!("field_{}", ident.unraw()),
            None => quote::format_ident!("field_{index}"),
        }
    }
}

/// The options of a variant.
struct VariantOptions {
    code: Option<Code>,
    other: Option<Ident>,
}

fn variant_options(attrs: &[Attribute], mistakes: &mut Mistakes) -> VariantOptions {
    let (mut code, mut other) = (None, None);
    for entry in chirp_entries(attrs, mistakes) {
        match entry.key.to_string().as_str() {
            "code" => parse_code(entry, &mut code, mistakes),
            "other" => entry.flag(&mut other, mistakes),
            unknown => mistakes.at(
                &entry.key,
                format!(
                    "unknown option `{unknown}` (supported on a variant: `code = 17`, `other`)"
                ),
            ),
        }
    }
    VariantOptions { code, other }
}

fn parse_code(entry: OptionEntry, code: &mut Option<Code>, mistakes: &mut Mistakes) {
    let OptionEntry { key, value } = entry;
    let written = match value {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Int(literal),
            ..
        })) => Code::Literal(literal),
        Some(Expr::Path(path)) if path.qself.is_none() => Code::Constant(path.path),
        other => {
            let message = "`code` takes a number, or a constant that is a `u16`: `code = 17`";
            match other {
                Some(value) => mistakes.at(value, message),
                None => mistakes.at(&key, message),
            }
            return;
        }
    };
    set(code, written, &key, mistakes);
}
