//! AC-T12: the table of seed 003 for URLs that name the machine itself.

use chirp::requests::rewrite_localhost;

#[test]
fn the_host_of_the_machine_itself_is_replaced_and_its_port_kept() {
    let replacements = [
        ("foo.example", "foo.example"),
        ("192.168.1.1:8080", "192.168.1.1"),
        ("2001:db8::1", "[2001:db8::1]"),
    ];
    let hosts = [
        ("", true),
        ("localhost", true),
        ("127.0.0.1", true),
        ("127.42.42.42", true),
        ("[::1]", true),
        ("108.1.1.1", false),
    ];
    let mut rows = 0;
    for (replacement, written) in replacements {
        for (host, is_local) in hosts {
            for port in ["", ":1234"] {
                let url = format!("http://{host}{port}/stream?addr=1#x");
                let host = if is_local { written } else { host };
                let expected = format!("http://{host}{port}/stream?addr=1#x");
                assert_eq!(rewrite_localhost(&url, replacement), expected, "{url}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 36);
}

#[test]
fn other_urls_and_other_hosts_change_nothing() {
    for (url, host) in [
        ("unix:///run/x.sock", "foo.example"),
        ("unix:/run/x.sock", "foo.example"),
        ("http+unix://%2Frun%2Fx.sock/", "foo.example"),
        ("http://example.com/localhost", "foo.example"),
        ("http://localhost.example.com/", "foo.example"),
        ("http://[::2]/", "foo.example"),
        ("", "foo.example"),
        ("localhost", "foo.example"),
        ("http://localhost/", ""),
        ("http://localhost/", "foo.example/path"),
        ("http://localhost/", "user@foo.example"),
        ("http://localhost/", "foo\r\nbar"),
    ] {
        assert_eq!(rewrite_localhost(url, host), url, "{host}");
    }
    for (url, host, expected) in [
        (
            "https://LocalHost:1/",
            "[2001:db8::1]:9",
            "https://[2001:db8::1]:1/",
        ),
        ("http://user@localhost/", "h", "http://user@h/"),
        ("http://:8080", "h", "http://h:8080"),
        ("ws://localhost?x", "h", "ws://h?x"),
    ] {
        assert_eq!(rewrite_localhost(url, host), expected);
    }
}
