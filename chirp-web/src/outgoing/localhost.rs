use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use super::url::{Host, parse_authority};

/// Replaces the host of a URL that names the machine itself, so that others can use the URL: an empty host, `localhost`,
/// 127.0.0.0/8 and `::1`. The URL keeps its port, if it has one.
///
/// `host` is how others reach this machine: a name or an address, with or without a port, which is not used. Every other URL,
/// those of Unix sockets included, is returned as it is, and so is any if `host` is not a host.
///
/// ```
/// use chirp_web::requests::rewrite_localhost;
///
/// let url = rewrite_localhost("http://127.0.0.1:8080/streams/x", "build.example.com:443");
/// assert_eq!(url, "http://build.example.com:8080/streams/x");
/// ```
pub fn rewrite_localhost<'a>(url: &'a str, host: &str) -> Cow<'a, str> {
    rewritten(url, host).map_or(Cow::Borrowed(url), Cow::Owned)
}

fn rewritten(url: &str, host: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.is_empty() || scheme.to_ascii_lowercase().ends_with("unix") {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (format!("{user}@"), authority),
        None => (String::new(), authority),
    };
    let (own, port) = match authority.rsplit_once(':') {
        Some((own, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (own, Some(port)),
        _ => (authority, None),
    };
    if !is_local(own) {
        return None;
    }
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => Host::Address(address.into()),
        Err(_) => parse_authority(host).ok()?.0,
    };
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    Some(format!("{scheme}://{user}{host}{port}{target}"))
}

fn is_local(host: &str) -> bool {
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inside.unwrap_or(host).parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => host.is_empty() || host.eq_ignore_ascii_case("localhost"),
    }
}
