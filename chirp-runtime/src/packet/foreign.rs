//! Detection of connections that begin with something other than Chirp.

use super::PacketError;

/// The maximum number of received bytes shown.
const SHOWN: usize = 160;

/// The start of a header as a terminal echoes it: zero bytes appear as `^@`. Read as a header, the echo
/// announces a packet of protocol 94 with more than a gigabyte.
const ECHO: &[u8] = b"\xC7^@";

/// Explains a connection whose first bytes are text instead of a packet.
///
/// Returns `None` if the bytes may be Chirp or are not text. Without this check, a terminal's echo would be
/// skipped as a very long packet of an unknown protocol.
pub(crate) fn explain(first: &[u8]) -> Option<PacketError> {
    let shown = &first[..first.len().min(SHOWN)];
    let is_echo = first.starts_with(ECHO) && matches!(first.get(4), Some(b'@'..=0x7F));
    // A terminal drops the beginning of its echo at a control character such as ^C, which it still shows.
    let is_echo = is_echo || matches!(first, [b'^', b'@'..=b'_', ..]);
    if !is_echo && (first.first() == Some(&0xC7) || !is_text(shown)) {
        return None;
    }
    let reason = if is_echo {
        "a terminal at the other end echoes what is sent; connect without one (ssh without -t, socat without pty)"
    } else if first.starts_with(b"SSH-") {
        "an SSH server is at the other end"
    } else if first.starts_with(b"HTTP/") || is_http_request(shown) {
        "the other side speaks HTTP"
    } else if contains(shown, b"terminal") {
        "the other end is a terminal"
    } else {
        "does another program listen there, or does something at the other end print to standard output?"
    };
    let text: String = String::from_utf8_lossy(shown).trim_end().into();
    Some(PacketError::NotChirp {
        first: first.first().copied().unwrap_or(0),
        text,
        reason,
    })
}

fn is_text(bytes: &[u8]) -> bool {
    let is_control =
        |byte: &&u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x1B);
    let controls = bytes.iter().filter(is_control).count();
    // The last character may be incomplete.
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    !bytes.is_empty() && is_utf8 && controls == 0
}

fn is_http_request(bytes: &[u8]) -> bool {
    contains(bytes, b" HTTP/1.")
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
