//! `Authenticate`.

use chirp::layer::Authenticate;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{AsCaller, CallError, Caller, PeerBuilder, Request};

use crate::support::{echo, in_time, pair};

#[derive(Clone)]
struct Tenant(&'static str);

async fn who(request: Request) -> Result<&'static str, ErrorData> {
    let tenant = request.context().extension::<Tenant>();
    Ok(tenant.map_or("nobody", |tenant| tenant.0))
}

async fn call(caller: &Caller, method: &'static str) -> Result<String, (FrameworkError, String)> {
    match in_time(caller.call(method, ())).await {
        Ok(answer) => Ok(String::from_utf8_lossy(&answer).into_owned()),
        Err(CallError::Rejected {
            reason, message, ..
        }) => Err((reason, message)),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_bearer_token_admits_a_call_and_names_the_caller() {
    let layer = Authenticate::bearer([
        ("ann's", Tenant("ann")),
        ("bob's", Tenant("bob")),
        ("", Tenant("x")),
    ]);
    let builder = PeerBuilder::new()
        .handle("who", who)
        .handle("open", who)
        .layer(layer.open(["open"]));
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    let plain = peer.as_caller();
    let with = |value: &str| plain.clone().with_metadata("authorization", value);
    assert_eq!(
        call(&with("Bearer ann's"), "who").await,
        Ok("ann".to_owned())
    );
    assert_eq!(
        call(&with("Bearer bob's"), "who").await,
        Ok("bob".to_owned())
    );
    assert_eq!(call(&plain, "open").await, Ok("nobody".to_owned()));
    for wrong in [
        "Bearer ann",
        "Bearer ann's ",
        "Bearer ",
        "Basic ann's",
        "ann's",
        "",
    ] {
        let refused = call(&with(wrong), "who").await;
        let (reason, _) = refused.expect_err(wrong);
        assert_eq!(reason, FrameworkError::PermissionDenied, "{wrong}");
    }
    let (reason, text) = call(&plain, "who").await.expect_err("refused");
    assert_eq!(reason, FrameworkError::PermissionDenied);
    assert!(text.contains("no metadata `authorization`"), "{text}");
    // A caller without a token cannot probe for names.
    let (reason, _) = call(&plain, "nonsense").await.expect_err("refused");
    assert_eq!(reason, FrameworkError::PermissionDenied);
}

#[tokio::test]
async fn a_shared_secret_admits_a_call() {
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .layer(Authenticate::secret("password", b"\xFFsesame"));
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    let knows = peer.as_caller().with_metadata("password", b"\xFFsesame");
    call(&knows, "echo").await.expect("admitted");
    let guesses = peer.as_caller().with_metadata("password", "sesame");
    let (reason, text) = call(&guesses, "echo").await.expect_err("refused");
    assert_eq!(reason, FrameworkError::PermissionDenied);
    assert!(text.contains("`password` is not accepted"), "{text}");
}
