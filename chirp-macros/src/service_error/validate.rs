use std::collections::HashMap;
use std::ops::RangeInclusive;

use syn::{Data, LitInt, Type};

use super::ast::{Code, ErrorType, ErrorVariant};
use crate::mistakes::Mistakes;

/// The framework's own codes (`chirp::packet::FAULT_CODES`).
const RESERVED: RangeInclusive<u16> = 0xC700..=0xC7FF;

pub(super) fn check(error: &ErrorType, mistakes: &mut Mistakes) {
    if !error.input.generics.params.is_empty() {
        mistakes.at(
            &error.input.generics.params,
            "an error that travels has no parameters: name the types",
        );
    }
    if let Data::Enum(data) = &error.input.data
        && data.variants.is_empty()
    {
        mistakes.at(
            &error.input.ident,
            "an error without variants is never returned: return the value itself, not a `Result`",
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
        // The compiler checks it: see `expand`.
        Some(Code::Constant(_)) => return,
        None if variant.reported => return,
        None => {
            mistakes.at(
                &variant.ident,
                "this needs a code, which tells errors apart on the wire: `#[chirp(code = 17)]`",
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
                "`{first}` has this code: choose another for `{}`",
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
                "the data of an error is this field as it is, so there is no place for others: make it the only \
                 field, or remove `data`",
            );
        }
        if let Type::Reference(reference) = &field.field.ty {
            mistakes.at(reference, "an error that travels owns its fields");
        }
    }
}
