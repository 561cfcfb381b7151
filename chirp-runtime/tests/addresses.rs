//! What an endpoint prints is read back as the same endpoint.

use chirp_runtime::channel::Endpoint;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What means something somewhere in an address, and what may stand between.
fn text() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "tcp",
        "tls",
        "unix",
        "inproc",
        "exec",
        "stdio",
        "fd",
        "ws",
        "TCP",
        "x+y",
        ":",
        "//",
        "://",
        "/",
        ".",
        "./",
        "@",
        "?mode=",
        "600",
        "[",
        "]",
        "%",
        "%25",
        "25",
        "::1",
        "fe80::1",
        "localhost",
        "http",
        "80",
        "70000",
        ",",
        "3",
        "-",
        "+",
        " ",
        "'",
        "\"",
        "\\",
        "a",
        "\u{e9}",
        "\n",
    ];
    vec(select(PARTS), 0..9).prop_map(|parts| parts.concat())
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z]{1,6}(\\.[a-z0-9]{1,4}){0,2}",
        select(
            [
                "exec", "fd", "stdio", "unix", "tcp", "tls", "inproc", "::1", "10.0.0.1"
            ]
            .as_slice()
        )
        .prop_map(String::from),
        "fe80::[0-9a-f]{1,4}%[a-z0-9]{1,6}",
    ]
}

fn mode() -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(0..=0o777_u32)
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let word = || prop_oneof![text(), "[a-z]{1,5}"];
    let number = || any::<u16>().prop_map(|port| port.to_string());
    let some = |text: &String| !text.is_empty();
    prop_oneof![
        (host(), prop_oneof![number(), "[a-z][a-z0-9-]{0,5}"])
            .prop_map(|(host, port)| Endpoint::Tcp { host, port }),
        (host(), number()).prop_map(|(host, port)| Endpoint::Tls { host, port }),
        (
            text().prop_filter("a path without a mode in it", |text| {
                !text.is_empty() && !text.contains("?mode=")
            }),
            mode()
        )
            .prop_map(|(path, mode)| Endpoint::Unix {
                path: path.into(),
                mode
            }),
        (text(), mode()).prop_map(|(path, mode)| Endpoint::Unix {
            path: format!("/{path}").into(),
            mode
        }),
        text()
            .prop_filter("a name", some)
            .prop_map(Endpoint::Abstract),
        text()
            .prop_filter("a name", some)
            .prop_map(Endpoint::Inproc),
        (word().prop_filter("a program", some), vec(word(), 0..3))
            .prop_map(|(program, args)| Endpoint::Exec { program, args }),
        Just(Endpoint::Stdio),
        (0..9_i32, 0..9_i32).prop_map(|(read, write)| Endpoint::Fd { read, write }),
        ("[a-zA-Z][a-zA-Z0-9+.-]{0,5}", text()).prop_filter_map(
            "a scheme that is not built in",
            |(scheme, rest)| format!("{scheme}://{rest}").parse().ok()
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_text_that_is_an_address_is_printed_as_the_same_address(text in text()) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            let printed = endpoint.to_string();
            // The empty text is a path that cannot be used and has no other form.
            if !text.is_empty() {
                prop_assert_eq!(printed.parse(), Ok(endpoint), "{:?} printed {:?}", text, printed);
            }
        }
    }

    #[test]
    fn an_endpoint_is_printed_as_what_it_is(endpoint in endpoint()) {
        let printed = endpoint.to_string();
        prop_assert_eq!(printed.parse(), Ok(endpoint), "printed {:?}", printed);
    }
}

/// Found by the fuzz target `endpoints`: the name was printed as an IPv6 address whose zone is invalid.
#[test]
fn a_host_that_begins_with_a_bracket_ends_with_one() {
    for text in ["tcp://[5%:0", "tcp://[a]b:80", "tls://[a:80"] {
        let error = text.parse::<Endpoint>().expect_err(text).to_string();
        assert!(error.contains("in [brackets]"), "{error}");
    }
}
