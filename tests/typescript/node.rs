//! Generated code in Node, against the services of this crate.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use chirp::Server;
use chirp::websocket::WebSocket;
use tokio::process::Command;

use crate::odd_names::{Odd, OddNamesServer};
use crate::shapes::{Echo, ShapesServer};
use crate::shop::{Counter, ShopServer};

/// The time that any program may take. One that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(2);

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript")
}

async fn run(command: &mut Command) -> Output {
    let command = command
        .current_dir(package())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    output.expect("the program ends in time").unwrap()
}

#[track_caller]
fn assert_ok(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// Needs `node`, and the packages that `npm ci` installs in `typescript/`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_code_compiles_and_calls_in_both_directions() {
    let compiler = package().join("node_modules/.bin/tsc");
    let has_node = Command::new("node").arg("--version").output().await.is_ok();
    if !has_node || !compiler.exists() {
        println!("skipped: node, or the packages of `npm ci` in typescript/, are not installed");
        return;
    }
    assert_ok(&run(&mut Command::new(&compiler)).await);
    assert_ok(&run(Command::new(&compiler).args(["-p", "tsconfig.test.json"])).await);

    let server = Server::builder()
        .scheme("ws", WebSocket::new())
        .service(ShapesServer::new(Echo))
        .service(ShopServer::new(Counter::default()))
        .service(OddNamesServer::new(Odd))
        .reflect()
        .bind("ws://127.0.0.1:0/chirp")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    let mut node = Command::new("node");
    node.args(["--test", "build/generated.test.js"])
        .env("CHIRP_SERVICES", address);
    let mut output = None;
    server
        .run_until(async { output = Some(run(&mut node).await) })
        .await;
    let output = output.unwrap();
    assert_ok(&output);
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("# skipped 0"), "{report}");
}
