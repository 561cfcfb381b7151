use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

#[cfg(feature = "http")]
use http::header::HeaderName;
use http::header::{HOST, ORIGIN};
use http::request::Parts;

/// Tells where the page comes from that has made its browser send a request.
#[cfg(feature = "http")]
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which `Host` and `Origin` headers a server accepts.
///
/// A page on the web may send requests to any address, also to a daemon on the loopback interface. Its browser tells the
/// page's origin. A page whose host name was rebound to the daemon's address is of the same origin, but its browser tells
/// that host name.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginPolicy {
    hosts: Vec<Box<str>>,
    origins: Vec<Box<str>>,
}

/// The reason why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    #[error("the request has no Host header, or several")]
    NoHost,
    #[error("the host `{}` is not allowed: use an address or `localhost`, or list the host with `allow_host`", .0.escape_debug())]
    Host(String),
    #[error("the origin `{}` is not allowed: list the origin with `allow_origin`", .0.escape_debug())]
    Origin(String),
    #[cfg(feature = "http")]
    #[error("requests of pages of other sites are not allowed")]
    OtherSite,
}

/// The source of a request that is accepted.
#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestSource {
    /// No page, or one that this server has sent.
    Own,
    /// A page of an origin in the list.
    ListedPage,
}

impl OriginPolicy {
    /// Accepts a host name, with any port.
    pub(crate) fn allow_host(&mut self, host: &str) {
        self.hosts.push(host.into());
    }

    /// Accepts pages of an origin, such as `https://example.com`.
    pub(crate) fn allow_origin(&mut self, origin: &str) {
        self.origins.push(origin.trim_end_matches('/').into());
    }

    /// Checks the headers of a request. The host must be an address, `localhost` or in the list; an origin must be in the
    /// list. A request without an origin does not come from a page.
    #[cfg(feature = "websocket")]
    pub(crate) fn check(&self, request: &Parts) -> Result<(), OriginError> {
        self.check_host(request)?;
        for origin in request.headers.get_all(ORIGIN) {
            let origin = text(origin);
            if !self.allows_origin(&origin) {
                return Err(OriginError::Origin(origin.into_owned()));
            }
        }
        Ok(())
    }

    /// As [`check`](Self::check), for a server that sends pages itself, which may send requests back. Pages of other sites
    /// are refused without an origin, too: browsers leave it out of simple GET requests.
    #[cfg(feature = "http")]
    pub(crate) fn check_with_own_pages(
        &self,
        request: &Parts,
    ) -> Result<RequestSource, OriginError> {
        let host = self.check_host(request)?;
        let mut source = RequestSource::Own;
        let mut has_origin = false;
        for origin in request.headers.get_all(ORIGIN) {
            has_origin = true;
            let origin = text(origin);
            if self.allows_origin(&origin) {
                source = RequestSource::ListedPage;
            } else if !is_page_of(&origin, host) {
                return Err(OriginError::Origin(origin.into_owned()));
            }
        }
        let site = request.headers.get(&SEC_FETCH_SITE);
        match site.map(http::HeaderValue::as_bytes) {
            Some(site) if !has_origin && site != b"same-origin" && site != b"none" => {
                Err(OriginError::OtherSite)
            }
            _ => Ok(source),
        }
    }

    /// Checks the hosts of a request, and returns the one that it is for.
    pub(crate) fn check_host<'r>(&self, request: &'r Parts) -> Result<&'r str, OriginError> {
        let mut hosts = request.headers.get_all(HOST).iter();
        let header = match (hosts.next(), hosts.next()) {
            (Some(host), None) => Some(host),
            (None, None) => None,
            _ => return Err(OriginError::NoHost),
        };
        let header = match header.map(|host| (host, str::from_utf8(host.as_bytes()))) {
            Some((_, Ok(host))) => Some(host),
            Some((host, Err(_))) => return Err(OriginError::Host(text(host).into_owned())),
            None => None,
        };
        let target = request.uri.authority().map(http::uri::Authority::as_str);
        for host in [header, target].into_iter().flatten() {
            if !self.allows_host(host_name(host)) {
                return Err(OriginError::Host(host.to_owned()));
            }
        }
        // RFC 9112, section 3.2.2: the authority of the target takes precedence.
        target.or(header).ok_or(OriginError::NoHost)
    }

    fn allows_origin(&self, origin: &str) -> bool {
        let mut origins = self.origins.iter();
        origins.any(|known| known.eq_ignore_ascii_case(origin))
    }

    fn allows_host(&self, host: &str) -> bool {
        let is_ipv6 = |host: &str| {
            let inside = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            inside.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
        };
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<Ipv4Addr>().is_ok()
            || is_ipv6(host)
            || self
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Returns a header value as text, for a comparison with texts that are ASCII.
fn text(value: &http::HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Returns `true` if a page of this origin was loaded from the host.
#[cfg(feature = "http")]
fn is_page_of(origin: &str, host: &str) -> bool {
    let rest = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

/// Removes the port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        policy: &OriginPolicy,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Result<(), OriginError> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        policy.check(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn addresses_and_localhost_are_allowed() {
        let policy = OriginPolicy::default();
        for host in [
            "127.0.0.1",
            "127.0.0.1:9000",
            "[::1]:9000",
            "[::1]",
            "LocalHost:1",
            "192.168.0.7",
        ] {
            assert_eq!(check(&policy, "/", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "::1",
            "[::1",
            "0x7f.1",
            "2130706433",
            "127.1",
            "",
            "localhost:80:x",
            "user@localhost",
            "[example.com]",
        ] {
            let refused = check(&policy, "/", &[("host", host)]);
            assert_eq!(refused, Err(OriginError::Host(host.into())), "{host}");
        }
    }

    #[test]
    fn every_host_of_a_request_is_checked() {
        let policy = OriginPolicy::default();
        assert_eq!(check(&policy, "/", &[]), Err(OriginError::NoHost));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(check(&policy, "/", &twice), Err(OriginError::NoHost));
        assert_eq!(check(&policy, "http://localhost/", &[]), Ok(()));
        let foreign = check(&policy, "http://example.com/", &[("host", "localhost")]);
        assert_eq!(foreign, Err(OriginError::Host("example.com".into())));
    }

    #[test]
    fn listed_hosts_and_origins_are_allowed() {
        let mut policy = OriginPolicy::default();
        let page = [("host", "localhost"), ("origin", "http://localhost:8080")];
        let refused = Err(OriginError::Origin("http://localhost:8080".into()));
        assert_eq!(check(&policy, "/", &page), refused);
        policy.allow_host("Example.com");
        policy.allow_origin("https://example.com/");
        let headers = [
            ("host", "example.com:443"),
            ("origin", "https://Example.com"),
        ];
        assert_eq!(check(&policy, "/", &headers), Ok(()));
        for origin in [
            "null",
            "http://example.com",
            "https://example.com.evil.org",
            "https://example.com:444",
        ] {
            let refused = check(&policy, "/", &[("host", "localhost"), ("origin", origin)]);
            assert_eq!(refused, Err(OriginError::Origin(origin.into())), "{origin}");
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn pages_of_the_server_itself_and_listed_ones_are_allowed() {
        let mut policy = OriginPolicy::default();
        policy.allow_origin("https://app.example.com");
        let check = |headers: &[(&str, &str)]| {
            let mut request = http::Request::builder().header("host", "127.0.0.1:80");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(()).expect("a request").into_parts().0;
            policy.check_with_own_pages(&request)
        };
        let own = ("origin", "http://127.0.0.1:80");
        let listed = ("origin", "https://app.example.com");
        let site = |site| ("sec-fetch-site", site);
        for (headers, source) in [
            (&[][..], RequestSource::Own),
            (&[own], RequestSource::Own),
            (&[own, site("same-origin")], RequestSource::Own),
            (&[site("none")], RequestSource::Own),
            (&[listed, site("cross-site")], RequestSource::ListedPage),
        ] {
            assert_eq!(check(headers), Ok(source), "{headers:?}");
        }
        for origin in [
            "http://127.0.0.1:81",
            "http://127.0.0.1",
            "https://evil.example",
            "null",
            "",
        ] {
            let refused = Err(OriginError::Origin(origin.into()));
            assert_eq!(check(&[("origin", origin)]), refused);
            assert_eq!(check(&[own, ("origin", origin)]), refused);
        }
        for name in ["cross-site", "same-site", ""] {
            assert_eq!(check(&[site(name)]), Err(OriginError::OtherSite), "{name}");
        }
    }
}
