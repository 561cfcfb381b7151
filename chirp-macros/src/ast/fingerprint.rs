//! Fingerprints of method signatures, computed from the tokens of the types that are sent.

use quote::ToTokens;
use syn::{GenericArgument, Path, PathArguments, Type};

use super::{ArgumentForm, Output, ServiceMethod};

/// Self-describing codecs, in which named arguments may be missing.
const NAMES: [&str; 2] = ["Json", "MessagePack"];

/// The fingerprint of a method, for the codec named by its last path segment.
///
/// It must not depend on the compiler or the platform, since programs compare fingerprints. It is therefore computed
/// from identifiers and from punctuation that is written here.
pub(super) fn of(method: &ServiceMethod, codec: &str) -> u64 {
    let arguments = method.sent().filter_map(|(argument, form)| {
        let form = of_form(form);
        match argument.names().first() {
            // Optional arguments are compatible in both directions.
            Some(_) if method.named && NAMES.contains(&codec) && argument.default().is_some() => {
                None
            }
            Some(_) if method.is_params() && NAMES.contains(&codec) => Some(format!("={form}")),
            Some(name) => Some(format!("{name}:{form}")),
            None => None,
        }
    });
    let arguments = arguments.collect::<Vec<_>>().join(",");
    let result = match &method.output {
        _ if method.is_oneway() => "oneway".to_owned(),
        output => of_output(output),
    };
    let result = match &method.items {
        None => result,
        Some(items) => format!("{result}+Stream<{}>", of_output(items)),
    };
    hash(&format!("{codec}({arguments})->{result}"))
}

fn of_output(output: &Output) -> String {
    match output {
        Output::Value(None) => "()".to_owned(),
        Output::Value(Some(ty)) | Output::Alias { whole: ty, .. } => of_type(ty),
        Output::Result { ok, error } => format!("Result<{},{}>", of_type(ok), of_type(error)),
    }
}

/// The text hashed for a type in this form. Borrowed and owned text, and borrowed and owned bytes, are equal.
fn of_form(form: &ArgumentForm) -> String {
    match form {
        ArgumentForm::Str(_) | ArgumentForm::CowStr(_) => "String".to_owned(),
        ArgumentForm::Slice8(_) | ArgumentForm::CowSlice8(_) => "Vec<u8>".to_owned(),
        ArgumentForm::Slice(ty) => format!("Vec<{}>", of_type(ty)),
        ArgumentForm::Opt(inner) => format!("Option<{}>", of_form(inner)),
        ArgumentForm::Lent(inner) => of_form(inner),
        ArgumentForm::Blob(ty) | ArgumentForm::Value(ty) => of_type(ty),
        ArgumentForm::Stream { item, .. } => format!("Stream<{}>", of_type(item)),
    }
}

fn of_type(ty: &Type) -> String {
    match ty {
        Type::Paren(paren) => of_type(&paren.elem),
        Type::Array(array) => format!("[{};{}]", of_type(&array.elem), words(&array.len)),
        Type::Tuple(tuple) => {
            let elems = tuple.elems.iter().map(of_type).collect::<Vec<_>>();
            format!("({})", elems.join(","))
        }
        Type::Path(path) if path.qself.is_none() => of_path(&path.path),
        other => words(other),
    }
}

/// The last segment of a path, since the same type can be written with different paths.
pub(super) fn of_path(path: &Path) -> String {
    let Some(segment) = path.segments.last() else {
        return String::new();
    };
    let name = segment.ident.to_string();
    if name == "Bytes" && segment.arguments.is_none() {
        return "Vec<u8>".to_owned();
    }
    let PathArguments::AngleBracketed(generics) = &segment.arguments else {
        return name;
    };
    let types = generics.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(of_type(ty)),
        GenericArgument::Const(value) => Some(words(value)),
        _ => None,
    });
    format!("{name}<{}>", types.collect::<Vec<_>>().join(","))
}

fn words(tokens: &impl ToTokens) -> String {
    let words = tokens.to_token_stream().to_string();
    words.split_whitespace().collect()
}

/// FNV-1a, of 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
