//! Addresses in words, and those that are taken.

mod support;

use chirp::channel::Endpoint;
use chirp::{ConnectError, Server, connect};
use std::io;
use support::{echo, socket_path};
use tokio::sync::oneshot;

/// CH-T25: the bare forms.
#[test]
fn a_bare_address_is_a_port_or_a_path() {
    let unix = [
        "",
        ":",
        "nothing",
        "like/a/file",
        "no-port:",
        "file/with:port",
        "path/with:404",
        "mangled:@3",
    ];
    for text in unix {
        let endpoint: Endpoint = text.parse().expect("any text is a path");
        let expected = Endpoint::Unix {
            path: text.into(),
            mode: None,
        };
        assert_eq!(endpoint, expected, "{text}");
        assert_eq!(endpoint.to_string(), text);
    }
    let tcp = [
        ("12345", "", "12345"),
        ("[::1]:2323", "::1", "2323"),
        (":80", "", "80"),
        (":dumb-crud", "", "dumb-crud"),
        ("localhost:80", "localhost", "80"),
        ("localhost:http", "localhost", "http"),
    ];
    for (text, host, port) in tcp {
        let endpoint: Endpoint = text.parse().expect("an address");
        let expected = Endpoint::Tcp {
            host: host.into(),
            port: port.into(),
        };
        assert_eq!(endpoint, expected, "{text}");
    }
}

#[test]
fn an_address_with_a_scheme_is_read_back() {
    for text in [
        "tcp://localhost:80",
        "tcp://[::1]:2323",
        "tcp://:9000",
        "unix:///run/x.sock",
    ] {
        let endpoint: Endpoint = text.parse().expect("an address");
        assert_eq!(endpoint.to_string(), text);
    }
    let refused = [
        "tcp://localhost",
        "tcp://x:http",
        "tcp://x:70000",
        "tcp://a/b:1",
        "unix://x",
        "http://x:80",
    ];
    for text in refused {
        let error = text
            .parse::<Endpoint>()
            .expect_err("not an address")
            .to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn addresses_in_use_and_files_left_over() {
    let bind =
        |address: String| async move { Server::builder().handle("echo", echo).bind(address).await };
    let server = bind("tcp://127.0.0.1:0".into()).await.expect("bound");
    let taken = bind(server.endpoint().to_string())
        .await
        .expect_err("taken");
    assert!(matches!(&taken, ConnectError::Io(error) if error.kind() == io::ErrorKind::AddrInUse));
    assert!(
        taken.to_string().contains(&server.endpoint().to_string()),
        "{taken}"
    );

    let path = socket_path();
    let address = format!("unix://{}", path.display());
    let nobody = connect(&address).await.expect_err("nobody listens");
    assert!(nobody.to_string().contains(&address), "{nobody}");
    // A listener that died left its file: this one does not remove it.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    let server = bind(address.clone()).await.expect("the file is replaced");
    bind(address.clone()).await.expect_err("taken");
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(stopped));
    let peer = connect(&address).await.expect("connected");
    assert_eq!(peer.call("echo", "x").await.expect("answered"), "x");
    stop.send(()).expect("it runs");
    running.await.expect("no panics");
    assert!(!path.exists(), "it removes its own");

    std::fs::write(&path, "precious").expect("written");
    bind(address).await.expect_err("not a socket");
    assert_eq!(
        std::fs::read_to_string(&path).expect("still there"),
        "precious"
    );
    std::fs::remove_file(&path).expect("removed");
}
