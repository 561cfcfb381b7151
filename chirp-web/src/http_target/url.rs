use std::io;

use http::uri::PathAndQuery;

use crate::outgoing::OutgoingUrl;

/// Parses the address of a gateway: a URL without a query.
pub(super) fn base_url(address: &str) -> io::Result<OutgoingUrl> {
    let invalid = |text: &str| {
        let text = format!("invalid address `{address}`: {text}");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    let url: OutgoingUrl = address
        .parse()
        .map_err(|error| invalid(&format!("{error}")))?;
    if url.path_and_query().query().is_some() {
        return Err(invalid("the address of a gateway has no query"));
    }
    Ok(url)
}

/// Returns the URL of a path below the address of a gateway. The path is percent-encoded.
pub(super) fn below(base: &OutgoingUrl, path: &str) -> Option<OutgoingUrl> {
    let prefix = base.path_and_query().path().trim_end_matches('/');
    let target: PathAndQuery = format!("{prefix}/{path}").parse().ok()?;
    Some(base.with_path_and_query(target))
}
