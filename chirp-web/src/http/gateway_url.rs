//! The URL of a gateway with an address of its own.

use std::path::Path;

use chirp_runtime::channel::Endpoint;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::server::GatewayServer;

/// The bytes of a path that are encoded where a URL has a host.
const NOT_HOST: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl GatewayServer {
    /// Returns the URL of the address, such as `http://127.0.0.1:8080` or `http+unix://%2Frun%2Fgateway.sock`. If the port was given as
    /// 0, the URL has the port that the system chose. `None` for an address without a URL.
    pub fn url(&self) -> Option<String> {
        let endpoint = self.endpoint();
        let (scheme, authority) = match endpoint {
            Endpoint::Unix { path, .. } => return unix_url(path),
            Endpoint::Tcp { .. } => ("http", endpoint.to_string()),
            Endpoint::Tls { .. } => ("https", endpoint.to_string()),
            _ => return None,
        };
        let (_, authority) = authority.split_once("://")?;
        Some(format!("{scheme}://{authority}"))
    }
}

/// Returns the URL of a Unix socket. `None` if its path is not UTF-8.
pub(super) fn unix_url(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let path = path.into_os_string().into_string().ok()?;
    let host = utf8_percent_encode(&path, NOT_HOST);
    Some(format!("http+unix://{host}"))
}
