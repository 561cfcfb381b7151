//! Arguments that name streams by URLs: `{"url": ".."}`.

use http::request::Parts;

use super::settings::Settings;
#[cfg(feature = "requests")]
use {
    super::problem::Problem,
    crate::outgoing::{DestinationError, OutgoingClient, OutgoingUrl},
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

impl UrlArguments {
    /// Returns the streams that the arguments of a request may name.
    pub(super) fn of_request(settings: &Settings, parts: &Parts) -> Self {
        #[cfg(feature = "requests")]
        return Self::of(settings).with_base(settings.base_url(parts).ok());
        #[cfg(not(feature = "requests"))]
        {
            let _ = (settings, parts);
            Self {}
        }
    }
}

/// A stream that an argument names.
#[cfg(feature = "requests")]
enum NamedStream {
    /// A stream of the gateway itself, with its token.
    Own(StreamUrls, String),
    Remote(OutgoingUrl),
}

#[cfg(feature = "requests")]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlArgument {
    url: String,
}

#[cfg(feature = "requests")]
impl UrlArguments {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            client: settings.fetcher.clone(),
            own: settings.stream_urls.clone(),
            base: None,
        }
    }

    /// Sets the URL at which the sender of a request reaches the gateway.
    pub(super) fn with_base(mut self, base: Option<String>) -> Self {
        self.base = base;
        self
    }

    /// Returns `true` if a URL that was given to the sender of a request still has its stream.
    pub(super) fn has_stream(&self, url: &str, base: Option<&str>) -> bool {
        let own = self.own.as_ref();
        own.is_some_and(|own| own.token_of(url, base).is_some_and(|token| own.has(token)))
    }

    /// Returns the stream that an argument names, or `None` if the argument has the bytes themselves. A stream of the gateway itself is
    /// claimed.
    pub(super) fn open(&self, name: &str, value: &JsonText) -> Result<Option<UrlSource>, Problem> {
        Ok(match self.find(name, value)? {
            None => None,
            Some(NamedStream::Remote(url)) => {
                let client = self.client.clone();
                client.map(|client| UrlSource::Remote(client, url))
            }
            Some(NamedStream::Own(urls, token)) => {
                let claimed = urls.claim(&token);
                Some(UrlSource::Offered(claimed.ok_or_else(|| gone(name))?))
            }
        })
    }

    /// Checks the URL of an argument, if it is one, without claiming or connecting to anything.
    pub(super) fn check(&self, name: &str, value: &JsonText) -> Result<(), Problem> {
        match self.find(name, value)? {
            Some(NamedStream::Own(urls, token)) if !urls.has(&token) => Err(gone(name)),
            _ => Ok(()),
        }
    }

    fn find(&self, name: &str, value: &JsonText) -> Result<Option<NamedStream>, Problem> {
        if !value.as_str().trim_ascii_start().starts_with('{') {
            return Ok(None);
        }
        let argument = value.to::<UrlArgument>();
        let url = argument
            .map_err(|error| problem(StatusCode::BAD_REQUEST, name, &error))?
            .url;
        if let Some(urls) = &self.own
            && let Some(token) = urls.token_of(&url, self.base.as_deref())
        {
            return Ok(Some(NamedStream::Own(urls.clone(), token.to_owned())));
        }
        let client = self.client.as_ref().ok_or_else(|| {
            let reason = "URLs of others are not accepted (`Gateway::fetch_from`)";
            problem(StatusCode::FORBIDDEN, name, &reason)
        })?;
        let url = client.check(&url).map_err(|error| {
            let status = match error {
                DestinationError::InvalidUrl(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::FORBIDDEN,
            };
            problem(status, name, &error)
        })?;
        Ok(Some(NamedStream::Remote(url)))
    }
}

#[cfg(feature = "requests")]
fn gone(name: &str) -> Problem {
    let reason = "the gateway has no such stream: it has been read, or has expired";
    problem(StatusCode::BAD_REQUEST, name, &reason)
}

#[cfg(feature = "requests")]
fn problem(status: StatusCode, name: &str, reason: &dyn std::fmt::Display) -> Problem {
    Problem::new(status, format!("the stream \"{name}\": {reason}"))
}
