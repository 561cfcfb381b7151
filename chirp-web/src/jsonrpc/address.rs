use chirp_runtime::channel::{Endpoint, EndpointError, OtherAddress};

use super::{Dialect, Framing, JsonRpc, UnknownDialect, UnknownFraming};

/// An address of a JSON-RPC peer: that of a transport, after a prefix such as `jsonrpc+`, and settings.
///
/// The settings are `framing=` and `dialect=`, in a query at the end (`jsonrpc+unix:///run/x.sock?dialect=lsp`), or as words
/// before the program (`jsonrpc+exec:dialect=lsp rust-analyzer`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonRpcAddress {
    /// The address of the transport, without the prefix and without the settings.
    pub(super) transport: Transport,
    /// The prefix, with the `+`.
    prefix: String,
    framing: Option<Framing>,
    dialect: Option<Dialect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Endpoint(Endpoint),
    /// `prefix+ws://host/path` or `prefix+wss://host/path`.
    WebSocket(OtherAddress),
}

/// The error for an address that no JSON-RPC peer can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error(
        "the scheme `{0}` contains no `+` with the scheme of a transport after it, as in jsonrpc+tcp"
    )]
    NoTransport(String),
    #[error("`{0}` is no transport of JSON-RPC: use stdio, exec, unix, tcp, inproc, fd, ws or wss")]
    UnknownTransport(String),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Framing(#[from] UnknownFraming),
    #[error(transparent)]
    Dialect(#[from] UnknownDialect),
    #[error("the address has two values of `{0}=`")]
    Twice(&'static str),
    #[error("messages over WebSocket have no framing: remove `framing=`")]
    FramingOfMessages,
}

impl JsonRpcAddress {
    /// The transports that have addresses of JSON-RPC peers.
    pub(super) const TRANSPORTS: [&'static str; 8] =
        ["exec", "fd", "inproc", "stdio", "tcp", "unix", "ws", "wss"];

    pub(super) fn parse(address: &OtherAddress) -> Result<Self, AddressError> {
        let scheme = address.scheme();
        let Some((prefix, transport)) = scheme.split_once('+') else {
            return Err(AddressError::NoTransport(scheme.to_owned()));
        };
        if !Self::TRANSPORTS.contains(&transport) {
            return Err(AddressError::UnknownTransport(transport.to_owned()));
        }
        let mut parsed = Settings::default();
        let after_colon = &address.as_str()[scheme.len() + 1..];
        let after_colon = match transport {
            "exec" => parsed.take_words(after_colon)?.to_owned(),
            _ => parsed.take_query(after_colon)?,
        };
        let transport = if matches!(transport, "ws" | "wss") {
            if parsed.framing.is_some() {
                return Err(AddressError::FramingOfMessages);
            }
            match format!("{scheme}:{after_colon}").parse()? {
                Endpoint::Other(address) => Transport::WebSocket(address),
                // A scheme with a `+` is never built in.
                endpoint => Transport::Endpoint(endpoint),
            }
        } else {
            Transport::Endpoint(format!("{transport}:{after_colon}").parse()?)
        };
        Ok(Self {
            transport,
            prefix: format!("{prefix}+"),
            framing: parsed.framing,
            dialect: parsed.dialect,
        })
    }

    /// Returns the settings with those of the address. A dialect has its own framing, unless the address has one, too.
    pub(super) fn settings(&self, settings: &JsonRpc) -> JsonRpc {
        let mut settings = settings.clone();
        if let Some(dialect) = self.dialect {
            settings = settings.dialect(dialect).framing(dialect.framing());
        }
        if let Some(framing) = self.framing {
            settings = settings.framing(framing);
        }
        if let Transport::WebSocket(_) = self.transport {
            // Each message is a line of the channel.
            settings = settings.framing(Framing::Lines);
        }
        settings
    }

    /// Returns the address of a listener whose transport listens on `transport`, which may have another port than this
    /// address.
    pub(super) fn of_listener(&self, transport: &Endpoint) -> Result<Endpoint, EndpointError> {
        let mut text = match self.transport {
            Transport::Endpoint(_) => format!("{}{transport}", self.prefix),
            Transport::WebSocket(_) => transport.to_string(),
        };
        let settings = [
            self.framing.map(|framing| ("framing", framing.name())),
            self.dialect.map(|dialect| ("dialect", dialect.name())),
        ];
        for (name, value) in settings.into_iter().flatten() {
            let separator = if text.contains('?') { "&" } else { "?" };
            text.extend([separator, name, "=", value]);
        }
        text.parse()
    }
}

#[derive(Default)]
struct Settings {
    framing: Option<Framing>,
    dialect: Option<Dialect>,
}

impl Settings {
    /// Reads a setting. Returns `false` if the text is something else.
    fn take(&mut self, text: &str) -> Result<bool, AddressError> {
        match text.split_once('=') {
            Some(("framing", name)) => {
                let earlier = self.framing.replace(name.parse()?);
                earlier.map_or(Ok(true), |_| Err(AddressError::Twice("framing")))
            }
            Some(("dialect", name)) => {
                let earlier = self.dialect.replace(name.parse()?);
                earlier.map_or(Ok(true), |_| Err(AddressError::Twice("dialect")))
            }
            _ => Ok(false),
        }
    }

    /// Takes the settings in front of a command, and returns the command.
    fn take_words<'a>(&mut self, mut command: &'a str) -> Result<&'a str, AddressError> {
        loop {
            command = command.trim_start();
            let end = command.find(char::is_whitespace).unwrap_or(command.len());
            if !self.take(&command[..end])? {
                return Ok(command);
            }
            command = &command[end..];
        }
    }

    /// Takes the settings out of the query, and returns the rest of the address.
    fn take_query(&mut self, address: &str) -> Result<String, AddressError> {
        let Some((before, query)) = address.rsplit_once('?') else {
            return Ok(address.to_owned());
        };
        let mut rest = Vec::new();
        for part in query.split('&') {
            if !self.take(part)? {
                rest.push(part);
            }
        }
        if rest.is_empty() {
            return Ok(before.to_owned());
        }
        Ok(format!("{before}?{}", rest.join("&")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use chirp_runtime::channel::Endpoint;

    use super::{JsonRpcAddress, Transport};
    use crate::jsonrpc::JsonRpc;

    fn parse(address: &str) -> Result<JsonRpcAddress, String> {
        let Endpoint::Other(address) = address.parse().unwrap() else {
            panic!("{address} is built in");
        };
        JsonRpcAddress::parse(&address).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_are_those_of_transports_with_settings() {
        let cases = [
            ("jsonrpc+stdio:", "stdio:", "lines plain"),
            ("lsp+stdio:?dialect=lsp", "stdio:", "content-length lsp"),
            ("jsonrpc+tcp://[::1]:7", "tcp://[::1]:7", "lines plain"),
            (
                "jsonrpc+tcp://h:7?framing=content-length",
                "tcp://h:7",
                "content-length plain",
            ),
            (
                "jsonrpc+tcp://h:7?dialect=lsp&framing=lines",
                "tcp://h:7",
                "lines lsp",
            ),
            ("jsonrpc+unix:///a?b=c", "unix:///a?b=c", "lines plain"),
            (
                "jsonrpc+unix:///a?mode=600&dialect=mcp",
                "unix:///a?mode=600",
                "lines mcp",
            ),
            (
                "jsonrpc+unix:///a?dialect=acp&mode=600",
                "unix:///a?mode=600",
                "lines acp",
            ),
            (
                "jsonrpc+unix://@a?dialect=plain",
                "unix://@a",
                "lines plain",
            ),
            ("jsonrpc+inproc://a", "inproc://a", "lines plain"),
            ("jsonrpc+fd:3,4?dialect=lsp", "fd:3,4", "content-length lsp"),
            (
                "jsonrpc+exec:agent --x framing=y",
                "exec:agent --x framing=y",
                "lines plain",
            ),
            (
                "jsonrpc+exec: framing=content-length dialect=acp 'a b' ?dialect=lsp",
                "exec:'a b' ?dialect=lsp",
                "content-length acp",
            ),
            (
                "jsonrpc+ws://h/p?a=b&dialect=acp&c",
                "jsonrpc+ws://h/p?a=b&c",
                "lines acp",
            ),
            ("mcp+wss://h", "mcp+wss://h", "lines plain"),
            ("lsp+ws://h?dialect=lsp", "lsp+ws://h", "lines lsp"),
        ];
        for (address, transport, expected) in cases {
            let parsed = parse(address).unwrap();
            let shown = match &parsed.transport {
                Transport::Endpoint(endpoint) => endpoint.to_string(),
                Transport::WebSocket(address) => address.to_string(),
            };
            assert_eq!(shown, transport, "{address}");
            let settings = parsed.settings(&JsonRpc::new());
            let settings = format!("{} {}", settings.framing, settings.dialect);
            assert_eq!(settings, expected, "{address}");
        }
    }

    #[test]
    fn a_listener_keeps_the_settings_of_its_address() {
        let cases = [
            ("jsonrpc+tcp://h:0", "tcp://h:7", "jsonrpc+tcp://h:7"),
            (
                "x+tcp://h:0?dialect=lsp&framing=lines",
                "tcp://h:7",
                "x+tcp://h:7?framing=lines&dialect=lsp",
            ),
            (
                "jsonrpc+unix:///a?mode=600&dialect=lsp",
                "unix:///a?mode=600",
                "jsonrpc+unix:///a?mode=600&dialect=lsp",
            ),
            (
                "jsonrpc+ws://h:0/p?dialect=acp",
                "jsonrpc+ws://h:7/p",
                "jsonrpc+ws://h:7/p?dialect=acp",
            ),
        ];
        for (address, transport, expected) in cases {
            let transport = transport.parse().unwrap();
            let endpoint = parse(address).unwrap().of_listener(&transport).unwrap();
            assert_eq!(endpoint.to_string(), expected);
            let Endpoint::Other(address) = endpoint else {
                panic!("{endpoint} is built in");
            };
            JsonRpcAddress::parse(&address).unwrap();
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            ("jsonrpc://h:7", "contains no `+`"),
            ("jsonrpc+tls://h:7", "`tls` is no transport of JSON-RPC"),
            ("jsonrpc+tcp:h:7", "write a TCP address as tcp://host:port"),
            ("jsonrpc+tcp://h:7?framing=line", "unknown framing \"line\""),
            ("jsonrpc+tcp://h:7?dialect=LSP", "unknown dialect \"LSP\""),
            ("jsonrpc+exec:dialect= x", "unknown dialect \"\""),
            ("jsonrpc+exec:dialect=lsp", "the program is missing"),
            (
                "jsonrpc+stdio:?dialect=lsp&dialect=mcp",
                "two values of `dialect=`",
            ),
            ("jsonrpc+ws://h?framing=lines", "have no framing"),
        ];
        for (address, expected) in cases {
            let error = parse(address).unwrap_err();
            assert!(error.contains(expected), "{address}: {error}");
        }
    }
}
