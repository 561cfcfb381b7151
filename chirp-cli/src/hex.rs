use std::fmt::Write;

use bytes::Bytes;

/// Decodes hexadecimal digits. Spaces, and colons between bytes, are ignored.
pub(crate) fn decode(text: &str) -> Result<Bytes, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| "bytes are written in hexadecimal: 0aff, or 0a ff".to_owned())?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("bytes have two hexadecimal digits each".to_owned());
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Encodes bytes as hexadecimal digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        assert_eq!(
            decode("00 0aFF:10").map(|bytes| encode(&bytes)),
            Ok("000aff10".to_owned())
        );
        assert_eq!(decode(""), Ok(Bytes::new()));
        assert!(decode("0").is_err());
        assert!(decode("0g").is_err());
    }
}
