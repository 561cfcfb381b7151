use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Framing;

/// The conventions of a protocol on top of JSON-RPC 2.0: how calls are cancelled, which errors have which numbers, whether
/// batches are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// JSON-RPC 2.0 as it is specified, with batches. Calls are cancelled by `$/cancelRequest`, as in LSP, which programs that
    /// do not know it ignore.
    #[default]
    Plain,
    /// The Language Server Protocol, version 3.17 and later. Calls are cancelled by `$/cancelRequest`, and answered all the
    /// same. There are no batches.
    Lsp,
    /// The Model Context Protocol, version 2026-07-28 and earlier. Calls are cancelled by `notifications/cancelled`, and not
    /// answered then. There are no batches.
    Mcp,
    /// The Agent Client Protocol, version 1 and later. Calls are cancelled by `$/cancel_request`, and answered all the same.
    /// There are no batches.
    Acp,
}

/// All dialects.
const ALL: [Dialect; 4] = [Dialect::Plain, Dialect::Lsp, Dialect::Mcp, Dialect::Acp];

impl Dialect {
    /// Returns the name by which addresses and settings refer to the dialect: `plain`, `lsp`, `mcp` or `acp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Lsp => "lsp",
            Self::Mcp => "mcp",
            Self::Acp => "acp",
        }
    }

    /// Returns the framing of the protocol over streams of bytes.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self::Lsp => Framing::ContentLength,
            Self::Plain | Self::Mcp | Self::Acp => Framing::Lines,
        }
    }

    /// The notification that cancels a request.
    pub(crate) fn cancel_method(self) -> &'static str {
        match self {
            Self::Plain | Self::Lsp => "$/cancelRequest",
            Self::Mcp => "notifications/cancelled",
            Self::Acp => "$/cancel_request",
        }
    }

    /// The parameters of the notification that cancels the request with this id, which is JSON.
    pub(crate) fn cancel_params(self, id: &str) -> String {
        match self {
            Self::Plain | Self::Lsp => format!(r#"{{"id":{id}}}"#),
            Self::Mcp | Self::Acp => format!(r#"{{"requestId":{id}}}"#),
        }
    }

    /// Returns the id in the parameters of a notification that cancels a request, as JSON. `None` if there is none: invalid
    /// notifications are ignored.
    pub(crate) fn cancelled_id(self, params: &str) -> Option<&str> {
        #[derive(Deserialize)]
        struct ById<'a> {
            #[serde(borrow)]
            id: &'a RawValue,
        }

        #[derive(Deserialize)]
        struct ByRequestId<'a> {
            #[serde(borrow, rename = "requestId")]
            id: &'a RawValue,
        }

        let id = match self {
            Self::Plain | Self::Lsp => serde_json::from_str::<ById<'_>>(params).ok()?.id,
            Self::Mcp | Self::Acp => serde_json::from_str::<ByRequestId<'_>>(params).ok()?.id,
        };
        Some(id.get())
    }

    /// Whether calls tell the other side how much time they have, and how many items of a stream it may send. Other protocols
    /// have no member for that.
    pub(crate) fn has_call_member(self) -> bool {
        self == Self::Plain
    }

    /// Whether a request that was cancelled is answered, with the number -32800 if its method did not end in time.
    pub(crate) fn answers_cancelled(self) -> bool {
        self != Self::Mcp
    }

    /// Whether batches are allowed. Where they are not, a batch is answered with one error.
    pub(crate) fn allows_batches(self) -> bool {
        self == Self::Plain
    }

    /// The result of a method that returns nothing, as JSON. Results of MCP and ACP are objects: clients ignore others, and
    /// then wait for an answer.
    pub(crate) fn nothing(self) -> &'static str {
        match self {
            Self::Plain | Self::Lsp => "null",
            Self::Mcp | Self::Acp => "{}",
        }
    }

    /// Whether an error that belongs to no request has the id `null`. MCP has no such id: the member is left out.
    pub(crate) fn has_null_id(self) -> bool {
        self != Self::Mcp
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a text that is not the name of a [`Dialect`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect {0:?} of JSON-RPC: use `plain`, `lsp`, `mcp` or `acp`")]
pub struct UnknownDialect(String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        ALL.into_iter()
            .find(|dialect| dialect.name() == name)
            .ok_or_else(|| UnknownDialect(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::{ALL, Dialect};

    #[test]
    fn dialects_have_names() {
        for dialect in ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        assert_eq!(
            "LSP".parse::<Dialect>().unwrap_err().to_string(),
            "unknown dialect \"LSP\" of JSON-RPC: use `plain`, `lsp`, `mcp` or `acp`"
        );
    }

    #[test]
    fn the_id_of_a_cancelled_request_keeps_its_form() {
        for dialect in ALL {
            for id in [
                "7",
                "\"a\\u0062\"",
                "1e3",
                "null",
                "12345678901234567890123",
            ] {
                let params = dialect.cancel_params(id);
                assert_eq!(dialect.cancelled_id(&params), Some(id), "{dialect}");
            }
        }
    }

    #[test]
    fn invalid_cancels_have_no_id() {
        for params in ["{}", "[]", "7", "null", r#"{"ID":1}"#, r#"{"id":1,"id":2}"#] {
            for dialect in [Dialect::Plain, Dialect::Lsp] {
                assert_eq!(dialect.cancelled_id(params), None, "{params}");
            }
        }
        for dialect in [Dialect::Mcp, Dialect::Acp] {
            assert_eq!(dialect.cancelled_id(r#"{"id":1}"#), None);
        }
    }
}
