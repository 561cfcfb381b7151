use std::ops::RangeInclusive;

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, ExprUnary, Field, Fields, Ident, Lit, LitInt,
    Path, UnOp,
};

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
    /// `#[chirp(jsonrpc = ..)]`: the number of the error for JSON-RPC peers.
    pub(super) number: Option<Number>,
    /// `#[chirp(http_status = ..)]`: the status of responses of HTTP with the error.
    pub(super) http_status: Option<HttpStatus>,
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

/// An error number of JSON-RPC.
pub(super) struct Number {
    pub(super) key: Ident,
    pub(super) literal: LitInt,
    pub(super) is_negative: bool,
}

/// A status of HTTP.
pub(super) struct HttpStatus {
    pub(super) key: Ident,
    pub(super) literal: LitInt,
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
        let (mut code, mut number, mut http_status) = (None, None, None);
        let before = mistakes.count();
        let is_struct = matches!(input.data, Data::Struct(_));
        for entry in chirp_entries(&input.attrs, mistakes) {
            match entry.key.to_string().as_str() {
                "crate" => entry.path(&mut path, mistakes),
                "code" if is_struct => parse_code(entry, &mut code, mistakes),
                "jsonrpc" if is_struct => parse_number(entry, &mut number, mistakes),
                "http_status" if is_struct => parse_http_status(entry, &mut http_status, mistakes),
                "code" => mistakes.at(
                    &entry.key,
                    "the code belongs on each variant: move `#[chirp(code = ..)]` to the variants",
                ),
                "jsonrpc" => mistakes.at(
                    &entry.key,
                    "the number belongs on each variant: move `#[chirp(jsonrpc = ..)]` to the variants",
                ),
                "http_status" => mistakes.at(
                    &entry.key,
                    "the status belongs on each variant: move `#[chirp(http_status = ..)]` to the variants",
                ),
                other => mistakes.at(
                    &entry.key,
                    format!("unknown option `{other}` (supported here: `crate = path`, and on a struct `code = 17`, `jsonrpc = -32801`, `http_status = 409`)"),
                ),
            }
        }
        let reported = mistakes.count() > before;
        let variants = match &input.data {
            Data::Struct(data) => vec![ErrorVariant::new(
                &input.ident,
                VariantOptions {
                    code,
                    number,
                    http_status,
                    other: None,
                },
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
            number: options.number,
            http_status: options.http_status,
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

impl Number {
    /// The numbers that are codes: equal modulo 65,536. The range ends just below the numbers that LSP reserves.
    pub(super) const RANGE: RangeInclusive<i32> = -32_899..=32_636;

    /// The number, if it is in the range.
    pub(super) fn value(&self) -> Option<i32> {
        let digits: i32 = self.literal.base10_parse().ok()?;
        let value = if self.is_negative { -digits } else { digits };
        Self::RANGE.contains(&value).then_some(value)
    }

    /// The code with which the error comes from a JSON-RPC peer.
    pub(super) fn code(&self) -> Option<u16> {
        u16::try_from(self.value()?.rem_euclid(0x1_0000)).ok()
    }
}

impl HttpStatus {
    /// The statuses of errors.
    pub(super) const RANGE: RangeInclusive<u16> = 400..=599;

    /// The status, if it is in the range.
    pub(super) fn value(&self) -> Option<u16> {
        let value = self.literal.base10_parse().ok()?;
        Self::RANGE.contains(&value).then_some(value)
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
    number: Option<Number>,
    http_status: Option<HttpStatus>,
    other: Option<Ident>,
}

fn variant_options(attrs: &[Attribute], mistakes: &mut Mistakes) -> VariantOptions {
    let (mut code, mut number, mut http_status, mut other) = (None, None, None, None);
    for entry in chirp_entries(attrs, mistakes) {
        match entry.key.to_string().as_str() {
            "code" => parse_code(entry, &mut code, mistakes),
            "jsonrpc" => parse_number(entry, &mut number, mistakes),
            "http_status" => parse_http_status(entry, &mut http_status, mistakes),
            "other" => entry.flag(&mut other, mistakes),
            unknown => mistakes.at(
                &entry.key,
                format!(
                    "unknown option `{unknown}` (supported on a variant: `code = 17`, `jsonrpc = -32801`, `http_status = 409`, `other`)"
                ),
            ),
        }
    }
    VariantOptions {
        code,
        number,
        http_status,
        other,
    }
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

fn parse_number(entry: OptionEntry, number: &mut Option<Number>, mistakes: &mut Mistakes) {
    let OptionEntry { key, value } = entry;
    let (is_negative, digits) = match &value {
        Some(Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        })) => (true, Some(&**expr)),
        other => (false, other.as_ref()),
    };
    if let Some(Expr::Lit(ExprLit {
        lit: Lit::Int(literal),
        ..
    })) = digits
    {
        let written = Number {
            key: key.clone(),
            literal: literal.clone(),
            is_negative,
        };
        set(number, written, &key, mistakes);
        return;
    }
    let message = "`jsonrpc` takes a number: `jsonrpc = -32801`";
    match value {
        Some(value) => mistakes.at(value, message),
        None => mistakes.at(&key, message),
    }
}

fn parse_http_status(
    entry: OptionEntry,
    http_status: &mut Option<HttpStatus>,
    mistakes: &mut Mistakes,
) {
    let OptionEntry { key, value } = entry;
    match value {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Int(literal),
            ..
        })) => {
            let written = HttpStatus {
                key: key.clone(),
                literal,
            };
            set(http_status, written, &key, mistakes);
        }
        other => {
            let message = "`http_status` takes a number: `http_status = 409`";
            match other {
                Some(value) => mistakes.at(value, message),
                None => mistakes.at(&key, message),
            }
        }
    }
}
