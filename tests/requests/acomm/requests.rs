use axum::http::StatusCode;
use chirp::http::Gateway;
use chirp::requests::Destinations;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{ask, serve, serve_with, services, settings, until};
use crate::client::{get, post};
use crate::hook_server::HookServer;
use crate::services::{ArithServer, Calculator};
use crate::support::{in_time, socket_path};

/// AC-T1: a request is checked as a whole before there is one. The hook is optional, and arguments arrive as they were sent.
#[tokio::test]
async fn t1_a_request_that_is_wrong_in_one_part_is_no_request() {
    let (calculator, mut notes) = Calculator::new();
    let mut hooks = HookServer::start().await;
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let gateway = serve(gateway.requests(settings(hooks.destinations()))).await;
    let url = |method: &str| format!("{gateway}/call/{method}");
    for (method, hook, arguments, status) in [
        ("", hooks.url().as_str(), "", 404),
        ("Arith.note", "asdf", "{\"text\":\"bad\"}", 400),
        ("Arith.sum_diff", &hooks.url(), "[\"one\",2]", 400),
        ("Arith.note", &hooks.url(), "{", 400),
    ] {
        let headers = [("Chirp-Respond-To", hook)];
        let response = post(&url(method), &headers, arguments).await;
        // A value of a wrong type is found by the method's codec, when it is called: its response is the error.
        if response.status == 202 {
            assert_eq!(arguments, "[\"one\",2]");
            let error = in_time(hooks.next()).await.json();
            assert_eq!(error["error"]["status"], 400, "{error}");
            continue;
        }
        assert_eq!(
            response.status, status,
            "{method} {hook} {arguments}: {response:?}"
        );
    }
    ask(
        &gateway,
        &hooks.url(),
        "Arith.note",
        "{\"text\":\"as sent\"}",
    )
    .await;
    assert_eq!(
        in_time(notes.recv()).await.unwrap(),
        "as sent",
        "and no other"
    );
    hooks.next().await;

    let kept = post(
        &url("Arith.sum_diff"),
        &[("Prefer", "respond-async")],
        "[3,2]",
    )
    .await;
    assert_eq!(kept.status, 202, "without a hook");
    let status = in_time(until(
        &gateway,
        kept.json()["id"].as_str().unwrap(),
        "answered",
    ))
    .await;
    assert!(status.to_string().contains("\"sum\":5"), "{status}");
    assert!(hooks.is_quiet());
}

/// AC-T2: URLs of hooks are `http`, `https` and `unix`, and text that is none is refused.
#[tokio::test]
async fn t2_a_hook_is_a_url_that_the_operator_allows() {
    let folder = std::env::temp_dir();
    let destinations = Destinations::new()
        .allow("https://hooks.example.com")
        .unwrap()
        .allow("http://127.0.0.1:9")
        .unwrap()
        .allow_unix_folder(&folder)
        .unwrap();
    let gateway = serve(services().requests(settings(destinations))).await;
    let socket = socket_path();
    let unix = format!("unix:{}", socket.display());
    for (hook, statuses) in [
        ("", 400..=400),
        ("asdf", 400..=400),
        ("foo://hooks.example.com", 400..=403),
        ("https://other.example.com", 403..=403),
        ("https://hooks.example.com/a?b=c", 202..=202),
        ("http://127.0.0.1:9/", 202..=202),
        (&*unix, 202..=202),
    ] {
        let headers = [("Chirp-Respond-To", hook)];
        let response = post(&format!("{gateway}/call/Arith.nothing"), &headers, "").await;
        assert!(statuses.contains(&response.status), "{hook}: {response:?}");
    }
}

/// AC-T3: no arguments are none, and any JSON is an argument where the method's type allows it.
#[tokio::test]
async fn t3_arguments_may_be_missing_or_any_json() {
    let mut hooks = HookServer::start().await;
    let gateway = serve_with(&hooks).await;
    for (method, arguments, result) in [
        ("Arith.nothing", "", json!(null)),
        ("Arith.nothing", "{}", json!(null)),
        ("Arith.nothing", "[]", json!(null)),
        (
            "Arith.sum_diff",
            "{\"b\":2,\"a\":1}",
            json!({"sum": 3, "diff": -1}),
        ),
        ("Arith.sum_diff", "[1,2]", json!({"sum": 3, "diff": -1})),
    ] {
        ask(&gateway, &hooks.url(), method, arguments).await;
        assert_eq!(in_time(hooks.next()).await.json()["result"], result);
    }
}

/// AC-T4, AC-T6: a response has the ID of its request, and a result or an error, never both and never none of them.
#[tokio::test]
async fn t4_t6_a_response_is_a_result_or_an_error() {
    let mut hooks = HookServer::start().await;
    let gateway = serve_with(&hooks).await;
    for (method, arguments, is_error) in [
        ("Arith.divide", "[6,3]", false),
        ("Arith.divide", "[6,0]", true),
        ("Arith.nothing", "", false),
        ("Arith.panics", "", true),
    ] {
        let id = ask(&gateway, &hooks.url(), method, arguments).await;
        let response = in_time(hooks.next()).await.json();
        assert_eq!(response["id"], *id);
        assert_eq!(response.get("error").is_some(), is_error, "{response}");
        assert_eq!(response.get("result").is_none(), is_error, "{response}");
    }
}

/// AC-T5: a request needs a method and gets an ID; a hook is optional.
#[tokio::test]
async fn t5_a_request_without_a_hook_is_valid_and_one_without_a_method_is_not() {
    let hooks = HookServer::start().await;
    let gateway = serve_with(&hooks).await;
    let asked = [("Prefer", "respond-async")];
    let unknown = post(&format!("{gateway}/call/Arith.unknown"), &asked, "").await;
    assert_eq!(unknown.status, 404);
    let accepted = post(&format!("{gateway}/call/Arith.nothing"), &asked, "").await;
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.json()["id"].as_str().unwrap().len(), 32);
}

/// AC-T7: responses are sent to HTTP and Unix servers with their ID. One that cannot be reached gets none, and its failure is
/// visible; so is a status other than success.
#[tokio::test]
async fn t7_responses_are_delivered_over_http_and_unix_sockets() {
    let mut hooks = HookServer::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let socket = socket_path();
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let (sender, mut over_unix) = tokio::sync::mpsc::unbounded_channel();
    let app = axum::Router::new().fallback(move |body: axum::body::Bytes| async move {
        sender.send(body).unwrap();
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let destinations = hooks
        .destinations()
        .allow(&nobody)
        .unwrap()
        .allow_unix_folder(socket.parent().unwrap())
        .unwrap();
    let brief = settings(destinations)
        .max_request_time(std::time::Duration::from_millis(200))
        .max_delivery_time(std::time::Duration::ZERO);
    let gateway = serve(services().requests(brief)).await;

    let id = ask(&gateway, &hooks.url(), "Arith.nothing", "").await;
    assert_eq!(in_time(hooks.next()).await.json()["id"], *id);

    let unix = format!("unix:{}", socket.display());
    let id = ask(&gateway, &unix, "Arith.nothing", "").await;
    let body = in_time(over_unix.recv()).await.unwrap();
    let response: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(response["id"], *id);

    for hook in [nobody, format!("unix:{}.missing", socket.display())] {
        let id = ask(&gateway, &hook, "Arith.nothing", "").await;
        let status = in_time(until(&gateway, &id, "failed")).await;
        assert!(status["last_error"].is_string(), "{status}");
    }
    hooks.answer(StatusCode::INTERNAL_SERVER_ERROR);
    hooks.answer(StatusCode::GONE);
    let id = ask(&gateway, &hooks.url(), "Arith.nothing", "").await;
    in_time(until(&gateway, &id, "failed")).await;
    std::fs::remove_file(&socket).unwrap();
}

/// AC-T33: a request without a hook is accepted through a proxy, and a method without a response is called and that is all.
#[tokio::test]
async fn t33_a_request_without_a_hook_passes_a_proxy() {
    let (calculator, mut notes) = Calculator::new();
    let socket = format!("unix://{}", socket_path().display());
    let behind = chirp::Server::builder()
        .service(ArithServer::new(calculator))
        .reflect()
        .bind(&socket)
        .await
        .unwrap();
    tokio::spawn(behind.run());
    let peer = chirp::connect(&socket).await.unwrap();
    let gateway = Gateway::new().target(&peer);
    let gateway = serve(gateway.requests(settings(Destinations::new()))).await;
    let url = format!("{gateway}/call/Arith.note");
    let asked = [("Prefer", "respond-async")];
    for (headers, status) in [(&asked[..], 202), (&[], 204)] {
        let response = post(&url, headers, "[\"heard\"]").await;
        assert!(
            response.status == status || (status == 204 && response.status == 202),
            "{response:?}"
        );
        assert_eq!(in_time(notes.recv()).await.unwrap(), "heard");
    }
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum SilentError {
    /// An error that says nothing.
    #[error("")]
    #[chirp(code = 3)]
    Silent,
}

#[chirp::service]
trait Silence {
    async fn fail(&self) -> Result<u32, SilentError>;
}

struct Mute;

impl Silence for Mute {
    async fn fail(&self) -> Result<u32, SilentError> {
        Err(SilentError::Silent)
    }
}

/// AC-T38: an error with an empty text is an error.
#[tokio::test]
async fn t38_an_error_without_text_is_an_error() {
    let mut hooks = HookServer::start().await;
    let gateway = Gateway::new().service(SilenceServer::new(Mute));
    let gateway = serve(gateway.requests(settings(hooks.destinations()))).await;
    ask(&gateway, &hooks.url(), "Silence.fail", "").await;
    let response = in_time(hooks.next()).await.json();
    assert_eq!(response.get("result"), None);
    assert_eq!(response["error"]["code"], 3);
    assert_eq!(response["error"]["detail"], "");
    let called = post(&format!("{gateway}/call/Silence.fail"), &[], "").await;
    assert_eq!((called.status, &called.json()["code"]), (422, &json!(3)));
    assert_eq!(get(&format!("{gateway}/requests/x")).await.status, 404);
}
