//! Texts as addresses.

use chirp_runtime::channel::Endpoint;

/// Runs the target: an address that is accepted is printed as the same address.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(endpoint) = text.parse::<Endpoint>() else {
        return;
    };
    let printed = endpoint.to_string();
    if let Endpoint::Other(address) = &endpoint {
        assert_eq!(address.as_str(), printed);
        let rest = printed.strip_prefix(address.scheme());
        assert!(rest.is_some_and(|rest| rest.ends_with(address.rest())));
    }
    let again = printed.parse::<Endpoint>();
    assert_eq!(
        again.as_ref().ok(),
        Some(&endpoint),
        "{text:?} is printed as {printed:?}: {again:?}"
    );
}
