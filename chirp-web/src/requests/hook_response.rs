use chirp_runtime::codec::{CodecId, ServiceError};
use chirp_runtime::dynamic::JsonText;
use chirp_runtime::packet::{ErrorData, FrameworkError};
use chirp_runtime::peer::{CallError, MethodError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::DeferredId;
use crate::http_target::failure::ProblemDocument;

/// The response of a deferred request, as it was posted.
#[derive(Clone, Debug)]
pub struct HookResponse {
    id: DeferredId,
    method: String,
    content: ResponseContent,
}

#[derive(Clone, Debug)]
enum ResponseContent {
    Result(JsonText),
    Error(ErrorData),
    StreamUrl(String),
}

#[derive(Deserialize)]
struct Document {
    id: String,
    method: String,
    #[serde(default, deserialize_with = "present")]
    result: Option<JsonText>,
    error: Option<ProblemDocument>,
    stream_url: Option<String>,
}

/// Reads a member that is there. `null` is a result.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<JsonText>, D::Error> {
    JsonText::deserialize(deserializer).map(Some)
}

impl HookResponse {
    /// Reads a response. An error is one whatever its text is.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(body).ok()?;
        let content = match (document.result, document.error, document.stream_url) {
            (None, Some(problem), None) => ResponseContent::Error(problem.into_error_data()),
            (Some(result), None, None) => ResponseContent::Result(result),
            (None, None, Some(url)) => ResponseContent::StreamUrl(url),
            _ => return None,
        };
        Some(Self {
            id: document.id.parse().ok()?,
            method: document.method,
            content,
        })
    }

    /// Returns the ID of the request.
    pub fn id(&self) -> DeferredId {
        self.id
    }

    /// Returns the name of the method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the URL at which the stream of results is read, if the result is one.
    pub fn stream_url(&self) -> Option<&str> {
        match &self.content {
            ResponseContent::StreamUrl(url) => Some(url),
            _ => None,
        }
    }

    /// Returns the result, or the error of the call: `T` and `E` are those of the method in its trait. A method that has no error of its
    /// own has any type as `E`, such as `String`.
    ///
    /// # Errors
    ///
    /// The method's error as [`MethodError::Handler`], and others as [`MethodError::Call`]: [`CallError::Decode`] if the result is not a
    /// `T`, or is a [stream](Self::stream_url).
    pub fn result<T: DeserializeOwned, E: ServiceError>(self) -> Result<T, MethodError<E>> {
        match self.json() {
            Ok(json) => json.to().map_err(|error| {
                let text = format!("the result of \"{}\": {error}", self.method);
                MethodError::Call(CallError::Decode(text))
            }),
            Err(CallError::Remote(error)) => Err(match E::from_error_data(&error, CodecId::Json) {
                Some(error) => MethodError::Handler(error),
                None => MethodError::Call(CallError::Remote(error)),
            }),
            Err(error) => Err(MethodError::Call(error)),
        }
    }

    /// Returns the result in JSON, or the error as a service sends it.
    pub(crate) fn into_json(self) -> Result<JsonText, ErrorData> {
        match self.content {
            ResponseContent::Error(error) => Err(error),
            _ => self
                .json()
                .map_err(|error| FrameworkError::InvalidResult.to_error_data(&error.to_string())),
        }
    }

    /// Returns the result in JSON, or the error of the call.
    ///
    /// # Errors
    ///
    /// The method's own error as [`CallError::Remote`], and others; [`CallError::Decode`] if the result is a
    /// [stream](Self::stream_url).
    pub fn json(&self) -> Result<JsonText, CallError> {
        match &self.content {
            ResponseContent::Result(json) => Ok(json.clone()),
            ResponseContent::Error(error) => Err(CallError::from_error_data(error.clone())),
            ResponseContent::StreamUrl(_) => {
                let text = format!("the result of \"{}\" is a stream at a URL", self.method);
                Err(CallError::Decode(text))
            }
        }
    }
}
