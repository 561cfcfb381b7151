//! A peer with raw handlers, to test any implementation of Chirp v0.
//!
//! `v0_peer ADDRESS` serves these methods until it is killed:
//!
//! | method | behaviour |
//! |---|---|
//! | `echo` | returns its parameters |
//! | `fail` | fails with code 0 and its parameters as text |
//! | `edata` | fails with code 17, "hey" and the data `stuff` |
//! | `eempty` | fails with empty error data |
//! | `wait` | does not return until it is cancelled |
//! | `callback` | calls `back` on its caller with its parameters, and returns the result |
//!
//! Without an address, it serves on a free TCP port, calls each method itself, and exits.

use std::error::Error;
use std::time::Duration;

use chirp::packet::ErrorData;
use chirp::{CallError, PeerBuilder, Request, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let server = Server::builder()
        .handle("echo", |request: Request| async {
            Ok::<_, ErrorData>(request.into_params())
        })
        .handle("fail", |request: Request| async move {
            Err::<(), _>(String::from_utf8_lossy(request.params()).into_owned())
        })
        .handle("edata", |_: Request| async {
            ErrorData::new(17, "hey").with_data("stuff")
        })
        .handle("eempty", |_: Request| async { ErrorData::default() })
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
        .handle("callback", |request: Request| async {
            let caller = request.context().caller().clone();
            caller.call("back", request.into_params()).await
        })
        .bind(address.as_deref().unwrap_or("tcp://127.0.0.1:0"))
        .await?;
    println!("listening on {}", server.endpoint());
    if address.is_some() {
        server.run().await;
        return Ok(());
    }
    let endpoint = server.endpoint().clone();
    server
        .run_until(async {
            call_each(&endpoint.to_string())
                .await
                .expect("every method does what it says");
        })
        .await;
    Ok(())
}

async fn call_each(address: &str) -> Result<(), Box<dyn Error>> {
    let peer = PeerBuilder::new()
        .handle("back", |request: Request| async {
            Ok::<_, ErrorData>(request.into_params())
        })
        .connect(address)
        .await?;

    assert_eq!(peer.call("echo", "hello").await?, "hello");
    assert_eq!(
        peer.call("callback", "there and back").await?,
        "there and back"
    );

    let Err(CallError::Remote(error)) = peer.call("fail", "oops").await else {
        panic!("fail succeeded")
    };
    assert_eq!(error, ErrorData::new(0, "oops"));
    let Err(CallError::Remote(error)) = peer.call("edata", ()).await else {
        panic!("edata succeeded")
    };
    assert_eq!(error, ErrorData::new(17, "hey").with_data("stuff"));
    let Err(CallError::Remote(error)) = peer.call("eempty", ()).await else {
        panic!("eempty succeeded")
    };
    assert!(error.is_empty());
    assert!(matches!(
        peer.call("nope", ()).await,
        Err(CallError::UnknownMethod { .. })
    ));

    let waiting = peer
        .call("wait", ())
        .timeout(Duration::from_millis(20))
        .await;
    assert!(matches!(waiting, Err(CallError::DeadlineExceeded { .. })));
    println!("echo, callback, fail, edata, eempty and wait do what they say");
    Ok(())
}
