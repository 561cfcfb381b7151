use std::collections::HashMap;
use std::ops::RangeInclusive;

use syn::{Data, LitInt, Type};

use super::ast::{Code, ErrorType, ErrorVariant};
use crate::mistakes::Mistakes;

/// The codes that are reserved for the framework (`chirp::packet::FAULT_CODES`).
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
    for variant in &error.variants {
        check_code(variant, &mut codes, mistakes);
        check_fields(variant, mistakes);
    }
}

fn check_code(variant: &ErrorVariant, codes: &mut HashMap<u16, String>, mistakes: &mut Mistakes) {
    let literal = match &variant.code {
        Some(Code::Literal(literal)) => literal,
        // Checked by a generated constant: see `expand`.
        Some(Code::Constant(_)) => return,
        None if variant.reported => return,
        None => {
            mistakes.at(
                &variant.ident,
                "missing error code: add `#[chirp(code = 17)]` (the code identifies the error on the wire)",
            );
            return;
        }
    };
    let Ok(code) = literal.base10_parse::<u16>() else {
        mistakes.at(literal, "a code is a number from 1 to 65535");
        return;
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
}

fn refuse(code: u16, literal: &LitInt) -> Option<String> {
    if code == 0 {
        return Some(
            "0 is the code of errors that have none: choose one from 1 to 65535".to_owned(),
        );
    }
    RESERVED.contains(&code).then(|| {
        format!("the codes 0xC700 to 0xC7FF are the framework's own: choose another than {literal}")
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
