use std::fmt;

/// An address whose scheme is not built in, such as `ws://host/path`. Made by parsing an [`Endpoint`](super::Endpoint).
///
/// ```
/// # use chirp_runtime as chirp;
/// use chirp::channel::Endpoint;
///
/// let endpoint: Endpoint = "WS://example.com/chirp?token=1".parse()?;
/// let Endpoint::Other(address) = &endpoint else {
///     panic!("{endpoint} is built in");
/// };
/// assert_eq!(address.scheme(), "ws");
/// assert_eq!(address.rest(), "example.com/chirp?token=1");
/// assert_eq!(address.as_str(), "ws://example.com/chirp?token=1");
/// # Ok::<_, chirp::channel::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OtherAddress {
    text: Box<str>,
    /// The length of the scheme, without the colon.
    scheme: usize,
}

impl OtherAddress {
    /// Creates an address from a valid scheme, which is converted to lower case, and the text after its colon.
    pub(super) fn new(scheme: &str, after_colon: &str) -> Self {
        Self {
            text: format!("{}:{after_colon}", scheme.to_ascii_lowercase()).into(),
            scheme: scheme.len(),
        }
    }

    /// Returns the scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.text[..self.scheme]
    }

    /// Returns the text after `scheme://`, or after `scheme:` if there are no slashes. The text may be empty.
    pub fn rest(&self) -> &str {
        let rest = &self.text[self.scheme + 1..];
        rest.strip_prefix("//").unwrap_or(rest)
    }

    /// Returns the whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Returns whether a text may be a scheme: a letter, then letters, digits, `+`, `-` and `.` (RFC 3986).
pub(super) fn is_scheme(text: &str) -> bool {
    let is_further = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_further)
}

impl fmt::Display for OtherAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for OtherAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}
