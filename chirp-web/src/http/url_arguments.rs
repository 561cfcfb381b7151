//! Arguments that name streams by URLs: `{"url": ".."}`.

use http::request::Parts;

use super::settings::Settings;
#[cfg(feature = "requests")]
use {
    super::problem::Problem,
    crate::outgoing::{DestinationError, OutgoingClient},
    crate::requests::{StreamUrls, UrlSource},
    chirp_runtime::dynamic::JsonText,
    http::StatusCode,
    serde::Deserialize,
};

/// The streams that the arguments of a call may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct UrlArguments {
    /// The client for URLs of others. `None` if none may be named.
    #[cfg(feature = "requests")]
    pub(crate) client: Option<OutgoingClient>,
    /// The streams of the gateway itself.
    #[cfg(feature = "requests")]
    pub(crate) own: Option<StreamUrls>,
    /// The URL at which the sender of the request reaches the gateway.
    #[cfg(feature = "requests")]
    pub(crate) base: Option<String>,
}

impl Settings {
    /// Returns the streams that the arguments of a request may name.
    #[cfg_attr(
        not(feature = "requests"),
        expect(clippy::unused_self, reason = "there are no URLs without the feature")
    )]
    pub(crate) fn url_arguments(&self, parts: &Parts) -> UrlArguments {
        #[cfg(not(feature = "requests"))]
        let _ = parts;
        UrlArguments {
            #[cfg(feature = "requests")]
            client: self.fetcher.clone(),
            #[cfg(feature = "requests")]
            own: self.stream_urls.clone(),
            #[cfg(feature = "requests")]
            base: self.base_url(parts).ok(),
        }
    }
}

#[cfg(feature = "requests")]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlArgument {
    url: String,
}

#[cfg(feature = "requests")]
impl UrlArguments {
    /// Returns the stream that an argument names, or `None` if the argument has the bytes themselves.
    pub(super) fn open(&self, name: &str, value: &JsonText) -> Result<Option<UrlSource>, Problem> {
        if !value.as_str().trim_ascii_start().starts_with('{') {
            return Ok(None);
        }
        let problem =
            |status, reason: &str| Problem::new(status, format!("the stream \"{name}\": {reason}"));
        let UrlArgument { url } = value
            .to()
            .map_err(|error| problem(StatusCode::BAD_REQUEST, &error.to_string()))?;
        if let Some(urls) = &self.own
            && let Some(token) = urls.token_of(&url, self.base.as_deref())
        {
            let offered = urls.claim(token);
            let offered = offered.ok_or_else(|| {
                let reason = "the gateway has no such stream: it has been read, or has expired";
                problem(StatusCode::BAD_REQUEST, reason)
            })?;
            return Ok(Some(UrlSource::Offered(offered)));
        }
        let client = self.client.as_ref().ok_or_else(|| {
            let reason = "URLs of others are not accepted (`Gateway::fetch_from`)";
            problem(StatusCode::FORBIDDEN, reason)
        })?;
        let url = client.check(&url).map_err(|error| {
            let status = match error {
                DestinationError::InvalidUrl(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::FORBIDDEN,
            };
            problem(status, &error.to_string())
        })?;
        Ok(Some(UrlSource::Remote(client.clone(), url)))
    }
}
