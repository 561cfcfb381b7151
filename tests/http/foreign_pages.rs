//! Requests that a page of another site makes a browser send.
#![allow(clippy::unwrap_used, reason = "a test may")]

use chirp::http::Gateway;

use crate::client::{send, serve};
use crate::services::{ArithServer, Calculator};

#[tokio::test]
async fn foreign_pages_cannot_call() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .allow_host("api.example.com")
        .allow_origin("https://app.example.com");
    let address = serve(gateway).await;
    let host = address.to_string();
    let call = async |headers: &[(&str, &str)]| {
        let line = "POST /api/call/Arith.note";
        send(address, line, headers, r#"["attacked"]"#).await.status
    };
    let json = ("Content-Type", "application/json");
    let attacks: [(u16, &[(&str, &str)]); 9] = [
        // A form, and `fetch` with the mode `no-cors`.
        (415, &[("Content-Type", "text/plain")]),
        (
            403,
            &[
                ("Content-Type", "text/plain"),
                ("Origin", "https://evil.example"),
            ],
        ),
        (403, &[json, ("Origin", "https://evil.example")]),
        (403, &[json, ("Origin", "null")]),
        (403, &[json, ("Origin", "http://127.0.0.1:1")]),
        // An old browser that names no origin.
        (403, &[json, ("Sec-Fetch-Site", "cross-site")]),
        // A name of the attacker that resolves to this address.
        (
            421,
            &[
                json,
                ("Host", "evil.example"),
                ("Origin", "http://evil.example"),
            ],
        ),
        (421, &[json, ("Host", "evil.example")]),
        (421, &[json, ("Host", "")]),
    ];
    for (status, headers) in attacks {
        assert_eq!(call(headers).await, status, "{headers:?}");
    }
    assert!(notes.try_recv().is_err());

    let own = format!("http://{host}");
    let allowed: [&[(&str, &str)]; 5] = [
        &[json],
        &[json, ("Origin", &own)],
        &[
            json,
            ("Origin", "https://app.example.com"),
            ("Sec-Fetch-Site", "cross-site"),
        ],
        &[json, ("Host", "api.example.com")],
        &[json, ("Host", "localhost:80"), ("Sec-Fetch-Site", "none")],
    ];
    for headers in allowed {
        assert_eq!(call(headers).await, 202, "{headers:?}");
        assert_eq!(notes.recv().await.unwrap(), "attacked");
    }
}
