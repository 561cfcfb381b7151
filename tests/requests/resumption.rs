//! Requests that a gateway leaves in its file, and the next one goes on with.
#![cfg(feature = "requests-store")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use chirp::Endpoint;
use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations, RequestStore};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::gateway_client::{Response, send};
use crate::hook_server::HookServer;
use crate::services::{ArithServer, Calculator};
use crate::support::in_time;

struct Running {
    address: SocketAddr,
    notes: mpsc::UnboundedReceiver<String>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(file: &Path, requests: DeferredRequests) -> Self {
        let (calculator, notes) = Calculator::new();
        let store = RequestStore::open(file).unwrap();
        let server = Gateway::new()
            .service(ArithServer::new(calculator))
            .requests(requests.store(store))
            .shutdown_timeout(Duration::ZERO)
            .bind("http://127.0.0.1:0")
            .await
            .unwrap();
        let Endpoint::Tcp { host, port } = server.endpoint() else {
            panic!("not TCP");
        };
        let address = format!("{host}:{port}").parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run_until(async {
            // The sender may be gone.
            let _ = stopped.await;
        }));
        Self {
            address,
            notes,
            stop,
            task,
        }
    }

    async fn call(&self, method: &str, headers: &[(&str, &str)], arguments: &str) -> Value {
        let headers = [&[("Content-Type", "application/json")], headers].concat();
        let line = format!("POST /call/{method}");
        let response = send(self.address, &line, &headers, arguments).await;
        assert_eq!(response.status, 202, "{}", response.text());
        serde_json::from_slice::<Value>(&response.body).unwrap()["id"].take()
    }

    async fn status(&self, id: &Value) -> Response {
        let line = format!("GET /requests/{}", id.as_str().unwrap());
        send(self.address, &line, &[], "").await
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        in_time(self.task).await.unwrap();
    }
}

struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("chirp-{name}-{}", std::process::id()));
        // An earlier run may have left it.
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn requests(hooks: &HookServer) -> DeferredRequests {
    DeferredRequests::new()
        .destinations(hooks.destinations())
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
}

#[tokio::test]
async fn a_response_that_may_have_been_delivered_is_delivered_again_under_the_same_id() {
    let file = Scratch::new("undelivered");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let destinations = Destinations::new()
        .allow(&format!("http://{address}"))
        .unwrap();
    let requests = DeferredRequests::new().destinations(destinations);
    let gateway = Running::start(&file.0, requests.clone()).await;
    let url = format!("http://{address}/hook");
    let hook = [("Chirp-Respond-To", &*url)];
    let id = gateway.call("Arith.sum_diff", &hook, "[1,2]").await;
    // The receiver has the response, and the gateway ends before the answer.
    let (mut socket, _) = in_time(listener.accept()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}}") {
        assert_ne!(in_time(socket.read_buf(&mut bytes)).await.unwrap(), 0);
    }
    gateway.stop().await;
    drop(socket);
    let mut hooks = HookServer::on(listener);
    let gateway = Running::start(&file.0, requests).await;
    let posted = hooks.next().await;
    assert_eq!(posted.header("webhook-id"), id.as_str().unwrap());
    assert_eq!(posted.json()["result"], json!({"sum": 3, "diff": -1}));
    in_time(async {
        while !gateway.status(&id).await.text().contains("\"delivered\"") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gateway.stop().await;
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn a_call_that_was_interrupted_is_answered_with_an_error_unless_it_may_run_again() {
    let file = Scratch::new("interrupted");
    let mut hooks = HookServer::start().await;
    let mut gateway = Running::start(&file.0, requests(&hooks)).await;
    let url = hooks.url();
    let hook = [("Chirp-Respond-To", &*url)];
    let id = gateway.call("Arith.wait", &hook, "").await;
    assert_eq!(in_time(gateway.notes.recv()).await.unwrap(), "waiting");
    gateway.stop().await;
    let mut gateway = Running::start(&file.0, requests(&hooks)).await;
    let posted = hooks.next().await;
    assert_eq!(posted.header("webhook-id"), id.as_str().unwrap());
    let error = &posted.json()["error"];
    assert_eq!(
        (&error["status"], &error["name"]),
        (&json!(502), &json!("Interrupted"))
    );
    assert!(gateway.notes.try_recv().is_err());

    let id = gateway.call("Arith.wait", &hook, "").await;
    assert_eq!(in_time(gateway.notes.recv()).await.unwrap(), "waiting");
    gateway.stop().await;
    let mut gateway = Running::start(&file.0, requests(&hooks).rerun_interrupted()).await;
    assert_eq!(in_time(gateway.notes.recv()).await.unwrap(), "waiting");
    let status = gateway.status(&id).await;
    let status: Value = serde_json::from_slice(&status.body).unwrap();
    assert_eq!(status["state"], "running");
    gateway.stop().await;
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn keys_and_kept_responses_are_remembered_by_the_next_gateway() {
    let file = Scratch::new("kept");
    let gateway = Running::start(&file.0, DeferredRequests::new()).await;
    let later = [("Prefer", "respond-async"), ("Idempotency-Key", "one")];
    let id = gateway.call("Arith.sum_diff", &later, "[1,2]").await;
    in_time(async {
        while !gateway.status(&id).await.text().contains("answered") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gateway.stop().await;
    let gateway = Running::start(&file.0, DeferredRequests::new()).await;
    assert_eq!(gateway.call("Arith.sum_diff", &later, "[1,2]").await, id);
    let status = gateway.status(&id).await;
    let status: Value = serde_json::from_slice(&status.body).unwrap();
    assert_eq!(status["response"]["result"], json!({"sum": 3, "diff": -1}));
    gateway.stop().await;
}
