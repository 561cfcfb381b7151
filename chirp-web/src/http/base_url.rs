use chirp_runtime::channel::Endpoint;
use http::StatusCode;
use http::header::HOST;
use http::request::Parts;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::problem::Problem;
use super::server::ClientInfo;
use super::settings::Settings;

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

impl Settings {
    /// Returns the URL at which the sender of a request reaches the gateway, without a slash at its end.
    pub(crate) fn base_url(&self, parts: &Parts) -> Result<String, Problem> {
        if let Some(url) = &self.public_url {
            return Ok(url.clone());
        }
        let client = parts.extensions.get::<ClientInfo>();
        let scheme = match client.and_then(|client| client.remote.as_ref()) {
            Some(Endpoint::Unix { path, .. }) => {
                let path = std::path::absolute(path);
                let path = path
                    .ok()
                    .and_then(|path| path.into_os_string().into_string().ok());
                let path = path.ok_or_else(no_url)?;
                let host = utf8_percent_encode(&path, NOT_HOST);
                return Ok(format!("http+unix://{host}"));
            }
            Some(Endpoint::Tls { .. }) => "https",
            None | Some(Endpoint::Tcp { .. }) => "http",
            Some(_) => return Err(no_url()),
        };
        // The host has been checked, and the authority of the target takes precedence.
        let host = match parts.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => parts.headers.get(HOST).and_then(|host| host.to_str().ok()),
        };
        let host = host.ok_or_else(no_url)?;
        Ok(format!("{scheme}://{host}"))
    }
}

fn no_url() -> Problem {
    Problem::new(
        StatusCode::NOT_IMPLEMENTED,
        "the gateway does not know the URL at which it is reached (`Gateway::public_url`)",
    )
}
