use serde_json::Value;

/// The entries of a list in the file.
pub(crate) fn list(name: &str) -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("chirp-v0.json")).expect("the file is JSON");
    file[name].as_array().expect("the file has it").clone()
}

/// A text field.
pub(crate) fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry[field]
        .as_str()
        .unwrap_or_else(|| panic!("{entry} has no {field}"))
}

/// A number field.
pub(crate) fn number<T: TryFrom<u64>>(entry: &Value, field: &str) -> T {
    entry[field]
        .as_u64()
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or_else(|| panic!("{entry} has no {field}"))
}

/// A field of bytes, in hex.
pub(crate) fn bytes(entry: &Value, field: &str) -> Vec<u8> {
    from_hex(text(entry, field))
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hex digit");
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("two digits"))
        .collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from_digit(digit.into(), 16).expect("four bits");
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}
