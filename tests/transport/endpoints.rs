//! Parsing addresses, and addresses that are in use.

use crate::support::{echo, socket_path};
use chirp::channel::Endpoint;
use chirp::{ConnectError, Server, connect};
use std::io;
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
        "tls://localhost:443",
        "tls://[::1]:2323",
        "unix:///run/x.sock",
        "unix:///run/x.sock?mode=600",
        "unix:///with spaces/and?mark",
        "unix://@name",
        "inproc://any text: /at @all?",
        "exec:worker",
        "exec:/usr/bin/worker --name 'Ann Lee' ''",
        r#"exec:worker 'it'\''s' 'a\b' '"'"#,
        "stdio:",
        "fd:3,4",
        "fd:3",
        "localhost:http",
        "tcp://[fe80::1%25eth0]:9000",
        "tls://[fe80::1%2525]:9000",
        "[fe80::1%eth0]:http",
        "[exec]:http",
        "unix://./tcp:80",
        "unix://./x.sock?mode=600",
        "/run/x?mode=600",
        "unix:///a://b",
        "exec:curl http://localhost:80/",
        "exec:'//host/program' x",
        "ws://example.com/path?x=1",
        "nats://a:b@example.com:4222/subject.x",
        "http://x:80",
        "jsonrpc+stdio:",
        "jsonrpc+unix:///run/x.sock?mode=660",
        "a+b:80",
        "x-1.y://",
        "unix://./a+b:c",
        "[a+b]:http",
        "tcp://a+b:80",
    ] {
        let endpoint: Endpoint = text.parse().expect("an address");
        assert_eq!(endpoint.to_string(), text);
    }
    assert_eq!("@name".parse(), Ok(Endpoint::Abstract("name".into())));
    assert_eq!("fd:5,5".parse(), "fd:5".parse::<Endpoint>());
    // A scheme takes precedence over the form `host:port`.
    assert_eq!(
        "exec:80".parse(),
        Ok(Endpoint::Exec {
            program: "80".into(),
            args: Vec::new()
        })
    );
}

/// A colon alone does not make a scheme: these were addresses without a scheme before there were others.
#[test]
fn a_scheme_has_two_slashes_or_a_plus() {
    let scheme = |text: &str| match text.parse() {
        Ok(Endpoint::Other(address)) => {
            Some((address.scheme().to_owned(), address.rest().to_owned()))
        }
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    };
    let other = |scheme: &str, rest: &str| Some((scheme.to_owned(), rest.to_owned()));
    for (text, expected) in [
        ("ws://host/path?x", other("ws", "host/path?x")),
        ("WS+Tls://Host/Path", other("ws+tls", "Host/Path")),
        ("jsonrpc+stdio:", other("jsonrpc+stdio", "")),
        ("jsonrpc+fd:3,4", other("jsonrpc+fd", "3,4")),
        ("a+b:80", other("a+b", "80")),
        ("a+b:c/d", other("a+b", "c/d")),
        ("nats://", other("nats", "")),
        ("ws:///", other("ws", "/")),
        ("foo:bar", None),
        ("foo:80", None),
        ("foo:", None),
        ("foo:/bar", None),
        ("C:\\pipe", None),
        ("c:/pipe", None),
        ("EXEC:80", None),
        ("./a+b:c", None),
        ("/a+b:c", None),
        ("a/b://c", None),
        ("1+b:c/d", None),
        ("TCP://localhost:80", None),
        ("Inproc://x", None),
    ] {
        assert_eq!(scheme(text), expected, "{text}");
    }
    assert_eq!("TCP://x:80".parse(), "tcp://x:80".parse::<Endpoint>());
    assert_eq!("WS://x".parse(), "ws://x".parse::<Endpoint>());
    assert_ne!("ws://X".parse(), "ws://x".parse::<Endpoint>());
}

#[test]
fn an_invalid_address_is_an_error_with_advice() {
    let refused = [
        ("tcp://localhost", "tcp://host:port"),
        ("tcp://x:http", "a port number up to 65535"),
        ("tcp://x:70000", "a port number up to 65535"),
        ("tcp://a/b:1", "tcp://host:port"),
        ("tcp://::1:80", "[brackets]"),
        ("tls://localhost", "tls://host:port"),
        ("tls://x:https", "a port number up to 65535"),
        ("unix://x", "three slashes"),
        ("unix://@", "the name is missing"),
        ("unix:///x?mode=9", "octal"),
        ("unix:///x?mode=7777", "octal"),
        ("inproc://", "the name is missing"),
        ("1http://x:80", "a scheme is a letter"),
        ("a b://x", "a scheme is a letter"),
        ("://x", "a scheme is a letter"),
        ("localhost:80://x", "a scheme is a letter"),
        ("TCP://localhost", "tcp://host:port"),
        ("FD://3", "without slashes"),
        ("exec://x", "without slashes"),
        ("exec:", "the program is missing"),
        ("exec:'' x", "the program is missing"),
        ("exec:a 'b", "unclosed quote"),
        ("exec:a \"b", "unclosed quote"),
        ("exec:a \\", "no character follows"),
        ("unix:/tmp/x", "three slashes"),
        ("unix:x", "three slashes"),
        ("unix://./", "the path is missing"),
        ("tcp:/x", "tcp://host:port"),
        ("tls:localhost:", "tls://host:port"),
        ("inproc:x", "inproc://name"),
        ("localhost", "the port is missing"),
        ("127.0.0.1", "the port is missing"),
        ("::1", "the port is missing"),
        ("[fe80::1%eth0]", "the port is missing"),
        ("tcp://[fe80::1%eth0]:9000", "%25"),
        ("tcp://[fe80::1%25]:9000", "%25"),
        ("tls://[fe80::1%eth0]:9000", "%25"),
        ("tcp://x:+80", "a port number up to 65535"),
        ("fd:", "fd:3,4"),
        ("fd:1,-2", "fd:3,4"),
        ("fd:1,2,3", "fd:3,4"),
    ];
    for (text, fix) in refused {
        let error = text.parse::<Endpoint>().expect_err("not an address");
        let error = error.to_string();
        assert!(error.contains(text) && error.contains(fix), "{error}");
    }
}

#[test]
fn the_zone_of_an_ipv6_address_is_part_of_it() {
    let tcp = |host: &str, port: &str| Endpoint::Tcp {
        host: host.into(),
        port: port.into(),
    };
    let zoned = tcp("fe80::1%eth0", "9000");
    assert_eq!("[fe80::1%eth0]:9000".parse(), Ok(zoned.clone()));
    assert_eq!("tcp://[fe80::1%25eth0]:9000".parse(), Ok(zoned.clone()));
    assert_eq!(zoned.to_string(), "tcp://[fe80::1%25eth0]:9000");
    assert_eq!("tcp://[fe80::1%2525]:1".parse(), Ok(tcp("fe80::1%25", "1")));
}

/// The error of a missing path says so if the text was read as a path for lack of another form.
#[tokio::test]
async fn a_path_that_may_be_meant_as_something_else_says_so() {
    for (text, hint) in [
        ("", "the empty address"),
        (":", "a TCP address is host:port"),
        ("no.such.host", "a TCP address is host:port"),
        ("no.such.host:", "a TCP address is host:port"),
        ("no.such.host:http", "names are not looked up"),
    ] {
        let error = connect(text).await.expect_err("nobody is there");
        assert!(error.to_string().contains(hint), "{error}");
    }
    let error = Server::builder().bind("").await.expect_err("no path");
    assert!(error.to_string().contains("the empty address"), "{error}");
}

/// A link-local address needs its interface. A listener's own address can be connected to, and both ends report theirs.
#[tokio::test]
async fn an_address_of_one_interface_is_listened_on_and_connected_to() {
    let Some((address, interface)) = link_local() else {
        eprintln!("skipped: no interface has a link-local IPv6 address");
        return;
    };
    let host = format!("{address}%{interface}");
    let endpoint: Endpoint = format!("[{host}]:0").parse().expect("an address");
    let mut listener = endpoint.listen().await.expect("it listens");
    let endpoint: Endpoint = listener.endpoint().to_string().parse().expect("read back");
    assert_eq!(endpoint, *listener.endpoint());
    let (dialled, accepted) = tokio::join!(endpoint.connect(), listener.accept());
    let (dialled, accepted) = (dialled.expect("connected"), accepted.expect("accepted"));
    assert_eq!(dialled.remote(), Some(&endpoint));
    let Some(Endpoint::Tcp { host: remote, .. }) = accepted.remote() else {
        panic!("{:?}", accepted.remote());
    };
    let (remote, zone) = remote.split_once('%').expect("the zone is there");
    assert_eq!(remote, address.to_string());
    assert!(zone.parse::<u32>().is_ok_and(|zone| zone > 0), "{zone}");
}

/// A link-local IPv6 address of this machine, and its interface.
fn link_local() -> Option<(std::net::Ipv6Addr, String)> {
    let interfaces = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    interfaces.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = u128::from_str_radix(words.next()?, 16).ok()?;
        let address = std::net::Ipv6Addr::from(address);
        (address.segments()[0] == 0xFE80).then_some(())?;
        Some((address, words.next_back()?.into()))
    })
}

/// Words are split as in a shell in which only quotes and backslashes are special.
#[test]
fn a_command_is_split_into_words() {
    assert_eq!(
        "exec:curl http://localhost".parse(),
        Ok(Endpoint::Exec {
            program: "curl".into(),
            args: vec!["http://localhost".into()]
        })
    );
    let words = |text: &str| match text.parse() {
        Ok(Endpoint::Exec { program, args }) => [vec![program], args].concat(),
        other => panic!("{other:?}"),
    };
    assert_eq!(words("exec:  a   b\tc "), ["a", "b", "c"]);
    assert_eq!(
        words(r#"exec:a\ b "c d" 'e "f"' g'h'"i""#),
        ["a b", "c d", "e \"f\"", "ghi"]
    );
    assert_eq!(
        words(r#"exec:a "say \"so\"" $HOME *"#),
        ["a", "say \"so\"", "$HOME", "*"]
    );
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
    // A listener that was killed leaves its file.
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

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_program_without_tls_says_so() {
    let error = connect("tls://127.0.0.1:1").await.expect_err("no TLS");
    assert!(error.to_string().contains("feature `tls`"), "{error}");
    let error = Server::builder().bind("tls://127.0.0.1:0").await;
    let error = error.expect_err("no TLS").to_string();
    assert!(error.contains("feature `tls`"), "{error}");
}
