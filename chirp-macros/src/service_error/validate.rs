use std::collections::HashMap;
use std::ops::RangeInclusive;

use syn::{Data, Ident, LitInt, Type};

use super::ast::{Code, ErrorType, ErrorVariant, HttpStatus, Number};
use crate::mistakes::Mistakes;

/// The codes that are reserved for the framework (`chirp::packet::FRAMEWORK_ERROR_CODES`).
const RESERVED: RangeInclusive<u16> = 0xC700..=0xC7FF;

pub(super) fn check(error: &ErrorType, mistakes: &mut Mistakes) {
    if !error.input.generics.params.is_empty() {
        mistakes.at(
            &error.input.generics.params,
            "generic errors are not supported: use concrete types",
        );
    }
    if let Data::Enum(data) = &error.input.data
        && data.variants.is_empty()
    {
        mistakes.at(
            &error.input.ident,
            "an enum without variants cannot be an error: return the value itself instead of a `Result`",
        );
    }
    let mut codes = HashMap::new();
    let mut others = error
        .variants
        .iter()
        .filter_map(|variant| variant.other.as_ref());
    others.next();
    for other in others {
        mistakes.at(
            other,
            "duplicate `other`: only one variant can hold unknown errors",
        );
    }
    for variant in &error.variants {
        match &variant.other {
            Some(other) => check_other(variant, other, mistakes),
            None => check_code(variant, &mut codes, mistakes),
        }
        check_fields(variant, mistakes);
    }
}

/// A variant that keeps whatever no other variant is.
fn check_other(variant: &ErrorVariant, other: &Ident, mistakes: &mut Mistakes) {
    if variant.code.is_some() {
        mistakes.at(
            other,
            "an `other` variant keeps the received code: remove `code`",
        );
    }
    if variant.number.is_some() {
        mistakes.at(
            other,
            "an `other` variant keeps the received code: remove `jsonrpc`",
        );
    }
    if let Some(status) = &variant.http_status {
        mistakes.at(
            &status.key,
            "an `other` variant stands for errors whose status is not known: remove `http_status`",
        );
    }
    if variant.data().is_some() || variant.fields.len() != 1 {
        mistakes.at(
            other,
            format!(
                "an `other` variant must have exactly one field: `{}(chirp::packet::ErrorData)`",
                variant.ident
            ),
        );
    }
}

fn check_code(variant: &ErrorVariant, codes: &mut HashMap<u16, String>, mistakes: &mut Mistakes) {
    let own = match &variant.code {
        Some(Code::Literal(literal)) => check_literal(variant, literal, codes, mistakes),
        // Checked by a generated constant: see `expand`.
        Some(Code::Constant(_)) => None,
        None if variant.reported || variant.number.is_some() => None,
        None => {
            mistakes.at(
                &variant.ident,
                "missing error code: add `#[chirp(code = 17)]` (the code identifies the error on the wire)",
            );
            None
        }
    };
    if let Some(number) = &variant.number {
        check_number(variant, number, own, codes, mistakes);
    }
    if let Some(status) = &variant.http_status
        && status.value().is_none()
    {
        let (low, high) = (HttpStatus::RANGE.start(), HttpStatus::RANGE.end());
        mistakes.at(
            &status.literal,
            format!("the HTTP status of an error is between {low} and {high}"),
        );
    }
}

fn check_literal(
    variant: &ErrorVariant,
    literal: &LitInt,
    codes: &mut HashMap<u16, String>,
    mistakes: &mut Mistakes,
) -> Option<u16> {
    let Ok(code) = literal.base10_parse::<u16>() else {
        mistakes.at(literal, "error code out of range: expected 0 to 65535");
        return None;
    };
    if let Some(message) = refuse(code, literal) {
        mistakes.at(literal, message);
    } else if let Some(first) = codes.insert(code, variant.ident.to_string()) {
        mistakes.at(
            literal,
            format!(
                "duplicate error code: `{first}` already uses it, choose another for `{}`",
                variant.ident
            ),
        );
    }
    Some(code)
}

/// Checks a number for JSON-RPC peers, which is a second code of the variant.
fn check_number(
    variant: &ErrorVariant,
    number: &Number,
    own: Option<u16>,
    codes: &mut HashMap<u16, String>,
    mistakes: &mut Mistakes,
) {
    let Some(code) = number.code() else {
        let (low, high) = (Number::RANGE.start(), Number::RANGE.end());
        mistakes.at(
            &number.literal,
            format!("JSON-RPC error number out of range: expected {low} to {high}"),
        );
        return;
    };
    if RESERVED.contains(&code) {
        mistakes.at(
            &number.literal,
            "JSON-RPC error numbers -14592 to -14337 are reserved for the framework: choose another",
        );
        return;
    }
    if own == Some(code) {
        mistakes.at(
            &number.key,
            format!("the code {code} is this number for JSON-RPC peers already: remove `jsonrpc`"),
        );
        return;
    }
    if let Some(first) = codes.insert(code, variant.ident.to_string()) {
        mistakes.at(
            &number.literal,
            format!(
                "duplicate error code: `{first}` already uses {code}, which is this number for JSON-RPC peers; \
                 choose another for `{}`",
                variant.ident
            ),
        );
    }
}

fn refuse(code: u16, literal: &LitInt) -> Option<String> {
    RESERVED.contains(&code).then(|| {
        format!("error codes 0xC700 to 0xC7FF are reserved for the framework: choose another than {literal}")
    })
}

fn check_fields(variant: &ErrorVariant, mistakes: &mut Mistakes) {
    let alone = variant.fields.len() == 1;
    for field in &variant.fields {
        if let Some(data) = &field.data
            && !alone
        {
            mistakes.at(
                data,
                "a `data` field is sent as the error's raw data and must be the only field: remove the other \
                 fields, or remove `data`",
            );
        }
        if let Type::Reference(reference) = &field.field.ty {
            mistakes.at(
                reference,
                "references are not supported in errors: use an owned type",
            );
        }
    }
}
