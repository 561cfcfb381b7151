use chirp_runtime::channel::{Endpoint, OtherAddress};

use super::WebSocketError;

const WRONG_PORT: &str =
    "write the port as a number up to 65535, and an IPv6 address in [brackets]";

/// The parts of `ws://host:port/path?query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebSocketAddress {
    pub(crate) is_secure: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: String,
    /// The path with the query, at least `/`.
    pub(crate) target: String,
}

impl WebSocketAddress {
    /// Parses an address whose scheme is `ws`, `wss`, or ends with `+ws` or `+wss`.
    pub(crate) fn parse(address: &OtherAddress) -> Result<Self, WebSocketError> {
        let is_secure = address.scheme().ends_with("wss");
        Self::parse_rest(is_secure, address.rest()).map_err(WebSocketError::InvalidAddress)
    }

    fn parse_rest(is_secure: bool, rest: &str) -> Result<Self, &'static str> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err("an address has no user: set a token with `WebSocket::token`");
        }
        let is_valid = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !target.bytes().all(is_valid) {
            return Err(
                "the path of an address has no spaces, no `#` and nothing but ASCII: write other characters as %XX",
            );
        }
        let is_number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if is_number(port) && port.parse::<u16>().is_ok() => (host, port),
            Some((_, rest)) if !rest.ends_with(']') => {
                return Err(WRONG_PORT);
            }
            _ if is_secure => (authority, "443"),
            _ => (authority, "80"),
        };
        let inside = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        match inside {
            None if host.is_empty() => {
                return Err("the host is missing: write ws://host:port/path");
            }
            None if host.contains(':') => return Err(WRONG_PORT),
            None if !host.bytes().all(is_name) => {
                return Err("a host is an address or an ASCII name: write ws://host:port/path");
            }
            _ => {}
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            is_secure,
            host: inside.unwrap_or(host).replacen("%25", "%", 1),
            port: port.into(),
            target: format!("{slash}{target}"),
        })
    }

    /// Returns the path without the query.
    pub(crate) fn path(&self) -> &str {
        let (path, _query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        path
    }

    /// Returns the address of the TCP port.
    pub(crate) fn tcp(&self) -> Endpoint {
        Endpoint::Tcp {
            host: self.host.clone(),
            port: self.port.clone(),
        }
    }

    /// Returns the host and the port as they are written in an address.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host.replacen('%', "%25", 1), self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the value of the header `Host`. A zone has no meaning for another machine.
    pub(crate) fn host_header(&self) -> String {
        let is_default = self.port == if self.is_secure { "443" } else { "80" };
        let (host, _zone) = self.host.split_once('%').unwrap_or((&self.host, ""));
        let port = if is_default {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        if host.contains(':') {
            format!("[{host}]{port}")
        } else {
            format!("{host}{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<WebSocketAddress, WebSocketError> {
        match text.parse().expect("an endpoint") {
            Endpoint::Other(address) => WebSocketAddress::parse(&address),
            built_in => panic!("{built_in} is built in"),
        }
    }

    #[test]
    fn addresses_have_a_host_a_port_and_a_target() {
        for (text, host, port, target, header) in [
            ("ws://localhost", "localhost", "80", "/", "localhost"),
            ("ws://localhost:80/a", "localhost", "80", "/a", "localhost"),
            (
                "wss://example.com/chirp?x=1",
                "example.com",
                "443",
                "/chirp?x=1",
                "example.com",
            ),
            (
                "ws://example.com?x=1",
                "example.com",
                "80",
                "/?x=1",
                "example.com",
            ),
            ("wss://10.0.0.1:80/", "10.0.0.1", "80", "/", "10.0.0.1:80"),
            ("ws://[::1]:9000/a/b", "::1", "9000", "/a/b", "[::1]:9000"),
            (
                "ws://[fe80::1%25eth0]/",
                "fe80::1%eth0",
                "80",
                "/",
                "[fe80::1]",
            ),
            ("jsonrpc+ws://h:1/", "h", "1", "/", "h:1"),
        ] {
            let address = parsed(text).expect(text);
            let found = (&*address.host, &*address.port, &*address.target);
            assert_eq!(found, (host, port, target), "{text}");
            assert_eq!(address.host_header(), header, "{text}");
            let again = format!("ws://{}{}", address.authority(), address.target);
            assert_eq!(parsed(&again).expect(&again).host, host, "{again}");
            assert_eq!(address.is_secure, text.starts_with("wss"), "{text}");
        }
    }

    #[test]
    fn invalid_addresses_are_explained() {
        for (text, part) in [
            ("ws://", "the host is missing"),
            ("ws:///path", "the host is missing"),
            ("ws://host:70000/", "the port as a number"),
            ("ws://::1/", "in [brackets]"),
            ("ws://user@host/", "WebSocket::token"),
            ("ws://host/a b", "no spaces"),
            ("ws://host/ä", "ASCII"),
            ("ws://host/#part", "no `#`"),
            ("ws://host\r\nX: y/", "the port as a number"),
            ("ws://host\r\n/", "ASCII name"),
        ] {
            let error = parsed(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
