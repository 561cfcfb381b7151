//! Programs that receive responses.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chirp::http::Gateway;
use chirp::requests::{
    DeferredRequests, Destinations, HookError, HookReceiver, HttpTarget, SigningSecret,
};
use chirp::{CallError, MethodError, PeerBuilder};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::deferred::{accepted, call, gateway, until};
use crate::gateway_client::{Response, send};
use crate::hook_server::HookServer;
use crate::services::{ArithClient, ArithError, ArithServer, Calculator, SumDiff};
use crate::support::in_time;

async fn serve(receiver: &HookReceiver) -> SocketAddr {
    let app = axum::Router::new().nest_service("/hooks", receiver.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn secret() -> SigningSecret {
    SigningSecret::generate().unwrap()
}

/// A gateway that posts to this address, signed with a secret.
async fn gateway_to(address: SocketAddr, secrets: &[&SigningSecret]) -> SocketAddr {
    let destinations = Destinations::new()
        .allow(&format!("http://{address}"))
        .unwrap();
    let requests = DeferredRequests::new()
        .destinations(destinations)
        .backoff(Duration::from_millis(1), Duration::from_millis(2));
    let requests = secrets.iter().fold(requests, |requests, secret| {
        requests.sign_with((*secret).clone())
    });
    gateway(|gateway| gateway.requests(requests)).await
}

#[tokio::test]
async fn a_response_completes_the_future_that_waits_for_it_with_the_types_of_the_method() {
    let secret = secret();
    let receiver = HookReceiver::new(secret.clone());
    let address = serve(&receiver).await;
    let gateway = gateway_to(address, &[&secret]).await;
    let ask = async |method: &str, arguments: &str| {
        let ticket = receiver
            .expect(&format!("http://{address}/hooks/"))
            .unwrap();
        let hook = [("Chirp-Respond-To", ticket.url())];
        let id = accepted(&call(gateway, method, &hook, arguments).await);
        let response = in_time(ticket).await.unwrap();
        assert_eq!(response.id().to_string(), id);
        assert_eq!(response.method(), method);
        assert_eq!(response.stream_url(), None);
        in_time(until(gateway, &id, "delivered")).await;
        response
    };
    let response = ask("Arith.sum_diff", "[100,250]").await;
    let sum = response.result::<SumDiff, String>().unwrap();
    assert_eq!((sum.sum, sum.diff), (350, -150));
    let response = ask("Arith.divide", "[8,0]").await;
    let error = response.clone().result::<i64, ArithError>().unwrap_err();
    assert!(
        matches!(
            error,
            MethodError::Handler(ArithError::DivisionByZero { dividend: 8 })
        ),
        "{error:?}"
    );
    assert!(matches!(response.json(), Err(CallError::Remote(error)) if error.code == 7));
    let response = ask("Arith.nothing", "").await;
    response.clone().result::<(), String>().unwrap();
    let error = response.result::<i64, String>().unwrap_err();
    assert!(
        matches!(error, MethodError::Call(CallError::Decode(_))),
        "{error:?}"
    );
    let error = ask("Arith.panics", "")
        .await
        .result::<(), String>()
        .unwrap_err();
    assert!(
        matches!(error, MethodError::Call(CallError::Rejected { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_response_whose_handling_panicked_is_handled_when_it_is_delivered_again() {
    let secret = secret();
    let (handled, mut responses) = mpsc::unbounded_channel();
    let has_failed = AtomicBool::new(false);
    let receiver = HookReceiver::new(secret.clone()).on_response(move |response| {
        // The test may be over.
        let _ = handled.send(response.id());
        assert!(has_failed.swap(true, Ordering::Relaxed), "the first time");
    });
    let address = serve(&receiver).await;
    let gateway = gateway_to(address, &[&secret]).await;
    let url = format!("http://{address}/hooks");
    let id = accepted(&call(gateway, "Arith.nothing", &[("Chirp-Respond-To", &url)], "").await);
    for _ in 0..2 {
        let handled = in_time(responses.recv()).await.unwrap();
        assert_eq!(handled.to_string(), id);
    }
    in_time(until(gateway, &id, "delivered")).await;
}

#[tokio::test]
async fn responses_are_taken_while_their_secret_is_replaced() {
    let (old, new, other) = (secret(), secret(), secret());
    let receiver = HookReceiver::new(old.clone());
    let address = serve(&receiver).await;
    let gateway = gateway_to(address, &[&new, &old]).await;
    let ticket = receiver.expect(&format!("http://{address}/hooks")).unwrap();
    let hook = [("Chirp-Respond-To", ticket.url())];
    accepted(&call(gateway, "Arith.nothing", &hook, "").await);
    in_time(ticket).await.unwrap();
    let receiver = HookReceiver::new(other).also_verify_with(new);
    let address = serve(&receiver).await;
    let gateway = gateway_to(address, &[&old]).await;
    let ticket = receiver.expect(&format!("http://{address}/hooks")).unwrap();
    let hook = [("Chirp-Respond-To", ticket.url())];
    let id = accepted(&call(gateway, "Arith.nothing", &hook, "").await);
    // The receiver has no secret of this gateway, so the response is posted again and again.
    in_time(async {
        loop {
            let status = crate::deferred::status(gateway, &id).await;
            if status["failed_attempts"].as_u64() > Some(1) {
                assert_eq!(status["state"], "delivering");
                assert!(
                    status["last_error"].as_str().unwrap().contains("401"),
                    "{status}"
                );
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    send(gateway, &format!("DELETE /api/requests/{id}"), &[], "").await;
}

/// Posts a response again as it was posted before, with changes.
async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    send(address, &format!("POST {path}"), headers, body).await
}

#[tokio::test]
async fn a_response_is_handled_once_and_only_as_it_was_signed() {
    let secret = secret();
    // Another server sees what a gateway posts, so that it can be posted again.
    let mut seen = HookServer::start().await;
    let gateway = gateway_to(seen.address, &[&secret]).await;
    let url = seen.url();
    accepted(
        &call(
            gateway,
            "Arith.sum_diff",
            &[("Chirp-Respond-To", &*url)],
            "[1,2]",
        )
        .await,
    );
    let posted = seen.next().await;
    let (sender, mut responses) = mpsc::unbounded_channel();
    let receiver = HookReceiver::new(secret.clone()).on_response(move |response| {
        // A test may be over.
        let _ = sender.send(response);
    });
    let address = serve(&receiver).await;
    let with = |id: &str, timestamp: &str, signature: &str| {
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_owned()),
            ("webhook-signature", signature.to_owned()),
        ];
        let body = posted.body.clone();
        async move {
            let headers = headers
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            post(address, "/hooks/all", &headers, &body).await.status
        }
    };
    let [id, timestamp, signature] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| posted.header(name));
    assert_eq!(with("other", timestamp, signature).await, 401);
    assert_eq!(with(id, "1700000000", signature).await, 401);
    assert_eq!(with(id, timestamp, "v1,AAAA").await, 401);
    assert_eq!(
        post(address, "/hooks/all", &[], &posted.body).await.status,
        401
    );
    assert!(responses.try_recv().is_err());
    for _ in 0..2 {
        assert_eq!(with(id, timestamp, signature).await, 204);
    }
    let response = in_time(responses.recv()).await.unwrap();
    assert_eq!(response.json().unwrap(), r#"{"sum":3,"diff":-1}"#);
    assert!(responses.try_recv().is_err(), "it was handled twice");
    let strict = HookReceiver::new(secret).max_body(10);
    let address = serve(&strict).await;
    assert_eq!(
        post(address, "/hooks/all", &[], &posted.body).await.status,
        413
    );
    assert_eq!(send(address, "GET /hooks/all", &[], "").await.status, 405);
}

#[tokio::test]
async fn a_late_response_is_acknowledged_and_dropped() {
    let secret = secret();
    let receiver = HookReceiver::new(secret.clone()).max_waiting(1);
    let address = serve(&receiver).await;
    let gateway = gateway_to(address, &[&secret]).await;
    let base = format!("http://{address}/hooks");
    let ticket = receiver.expect(&base).unwrap();
    let url = ticket.url().to_owned();
    assert_eq!(
        receiver.expect(&base).unwrap_err(),
        HookError::TooManyWaiting { limit: 1 }
    );
    drop(ticket);
    let id = accepted(&call(gateway, "Arith.nothing", &[("Chirp-Respond-To", &*url)], "").await);
    in_time(until(gateway, &id, "delivered")).await;
    let ticket = receiver.expect(&base).unwrap();
    assert_ne!(ticket.url(), url);
}

/// Needs `CHIRP_PYTHON`, or `python3`, with the package `standardwebhooks`.
#[tokio::test]
async fn the_library_of_the_specification_verifies_signatures() {
    let python = std::env::var("CHIRP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_package = tokio::process::Command::new(&python)
        .args(["-c", "import standardwebhooks"])
        .stderr(std::process::Stdio::null())
        .status()
        .await;
    if !has_package.is_ok_and(|status| status.success()) {
        println!("skipped: {python} has no package standardwebhooks");
        return;
    }
    let (old, new) = (secret(), secret());
    let mut hooks = HookServer::start().await;
    let gateway = gateway_to(hooks.address, &[&new, &old]).await;
    let url = hooks.url();
    accepted(&call(gateway, "Flow.count", &[("Chirp-Respond-To", &*url)], "[2]").await);
    let posted = hooks.next().await;
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> = headers
        .into_iter()
        .map(|name| (name.to_owned(), json!(posted.header(name))))
        .collect();
    let script = "import json, sys, standardwebhooks as s\n\
                  secret, headers, body = sys.argv[1:]\n\
                  try: print(json.dumps(s.Webhook(secret).verify(body, json.loads(headers))))\n\
                  except s.WebhookVerificationError: print('refused')";
    let verify = async |secret: &SigningSecret, body: &str| {
        let output = tokio::process::Command::new(&python)
            .args([
                "-c",
                script,
                &secret.reveal(),
                &json!(headers).to_string(),
                body,
            ])
            .output()
            .await
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let body = str::from_utf8(&posted.body).unwrap();
    for secret in [&old, &new] {
        let verified: serde_json::Value =
            serde_json::from_str(&verify(secret, body).await).unwrap();
        assert_eq!(verified, posted.json());
    }
    assert_eq!(verify(&secret(), body).await, "refused\n");
    assert_eq!(verify(&new, &body.replace('2', "3")).await, "refused\n");
}

#[tokio::test]
async fn a_client_waits_for_responses_at_its_hook_without_a_connection() {
    let secret = secret();
    let receiver = HookReceiver::new(secret.clone());
    let address = serve(&receiver).await;
    let (calculator, mut notes) = Calculator::new();
    let destinations = Destinations::new()
        .allow(&format!("http://{address}"))
        .unwrap();
    let requests = DeferredRequests::new()
        .destinations(destinations)
        .sign_with(secret);
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .requests(requests);
    let gateway = crate::gateway_client::serve(gateway).await;
    let target = HttpTarget::new().respond_to(&receiver, &format!("http://{address}/hooks"));
    let peer = PeerBuilder::new().schemes(target.schemes());
    let peer = in_time(peer.connect(&format!("http://{gateway}/api")))
        .await
        .unwrap();
    let arith = ArithClient::new(&peer).with_json();
    let sum = in_time(arith.sum_diff(100, 250)).await.unwrap();
    assert_eq!((sum.sum, sum.diff), (350, -150));
    let error = in_time(arith.divide(1, 0)).await.unwrap_err();
    assert!(matches!(
        error,
        MethodError::Handler(ArithError::DivisionByZero { dividend: 1 })
    ));
    // A call that is dropped is cancelled behind the gateway.
    {
        let waiting = std::pin::pin!(arith.wait().into_future());
        tokio::select! {
            _ = waiting => panic!("it never returns"),
            note = in_time(notes.recv()) => assert_eq!(note.unwrap(), "waiting"),
        }
    }
    assert_eq!(in_time(notes.recv()).await.unwrap(), "dropped");
}
