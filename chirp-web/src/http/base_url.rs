use chirp_runtime::channel::Endpoint;
use http::StatusCode;
use http::header::HOST;
use http::request::Parts;

use super::gateway_url::unix_url;
use super::problem::Problem;
use super::server::ClientInfo;
use super::settings::Settings;

impl Settings {
    /// Returns the URL at which the sender of a request reaches the gateway, without a slash at its end.
    pub(crate) fn base_url(&self, parts: &Parts) -> Result<String, Problem> {
        if let Some(url) = &self.public_url {
            return Ok(url.clone());
        }
        let client = parts.extensions.get::<ClientInfo>();
        let scheme = match client.and_then(|client| client.remote.as_ref()) {
            Some(Endpoint::Unix { path, .. }) => {
                return unix_url(path).ok_or_else(no_url);
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
