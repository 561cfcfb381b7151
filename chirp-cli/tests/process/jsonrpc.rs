//! Targets that speak JSON-RPC.

use chirp::Server;
use chirp::jsonrpc::JsonRpc;

use super::program::chirp;
use super::scratch::Scratch;
use super::tools::ToolServer;

async fn start(address: &str) -> ToolServer {
    let builder = Server::builder()
        .reflect()
        .schemes(JsonRpc::new().schemes());
    ToolServer::start_with(builder, address).await
}

#[tokio::test]
async fn methods_are_called_without_a_description() {
    for address in [
        "jsonrpc+tcp://127.0.0.1:0",
        "lsp+tcp://127.0.0.1:0",
        "mcp+ws://127.0.0.1:0/rpc",
    ] {
        let server = start(address).await;
        let call = ["call", &server.address];
        let with = |words: &[&str]| {
            let words: Vec<String> = call
                .iter()
                .chain(words)
                .map(|&word| word.to_owned())
                .collect();
            async move { chirp(&words.iter().map(String::as_str).collect::<Vec<_>>()).await }
        };
        let sum = "{\"sum\":4,\"diff\":2}\n";
        let run = with(&["Tools.sum_diff", "a=3", "b:=1"]).await;
        assert_eq!(run.ok(), sum, "{address}");
        assert_eq!(
            with(&["Tools.sum_diff", r#"{"a":3,"b":1}"#]).await.ok(),
            sum
        );
        assert_eq!(with(&["Tools.sum_diff", "[3,1]"]).await.ok(), sum);
        let text = with(&["Tools.text", "text=words with spaces"]).await;
        assert_eq!(text.ok(), "\"words with spaces\"\n");
        // Results of MCP are objects.
        let nothing = if address.starts_with("mcp") {
            "{}\n"
        } else {
            "null\n"
        };
        assert_eq!(with(&["Tools.nothing"]).await.ok(), nothing);
        with(&["Tools.missing"]).await.failed(6);
        let run = with(&["Tools.sum_diff", "a=9223372036854775807", "b=1"]).await;
        assert!(run.failed(1).contains("overflow"), "{run:?}");
    }
}

#[tokio::test]
async fn a_notification_is_sent_without_waiting() {
    let mut server = start("jsonrpc+tcp://127.0.0.1:0").await;
    let call = [
        "call",
        &server.address,
        "Tools.log",
        "line=hello",
        "--one-way",
    ];
    assert_eq!(chirp(&call).await.ok(), "");
    assert_eq!(server.event().await, "hello");
    let plain = ToolServer::start().await;
    let run = chirp(&["call", &plain.address, "Tools.log", "line=a", "--one-way"]).await;
    assert!(run.failed(2).contains("--one-way needs --raw"), "{run:?}");
}

#[tokio::test]
async fn a_stream_is_printed_item_by_item() {
    let server = start("jsonrpc+tcp://127.0.0.1:0").await;
    let call = ["call", &server.address, "Tools.count", "to=3", "--stream"];
    assert_eq!(chirp(&call).await.ok(), "1\n2\n3\n");
    let plain = ToolServer::start().await;
    let run = chirp(&["call", &plain.address, "Tools.count", "to=3", "--stream"]).await;
    assert!(run.failed(2).contains("--stream is for"), "{run:?}");
}

#[tokio::test]
async fn a_program_is_started_and_called() {
    let dir = Scratch::new("jsonrpc");
    let script = dir.file(
        "answer.sh",
        br#"exec sed -u 's/.*"id":\([0-9]*\).*/{"jsonrpc":"2.0","id":\1,"result":"done"}/'"#,
    );
    let address = format!("jsonrpc+exec:sh {script}");
    let run = chirp(&["call", &address, "anything", "a=1"]).await;
    assert_eq!(run.ok(), "\"done\"\n");
    for (framing, code) in [("framing=lines ", 0), ("framing=nonsense ", 2)] {
        let address = format!("jsonrpc+exec:{framing}sh {script}");
        let run = chirp(&["call", &address, "anything"]).await;
        assert_eq!(run.code, Some(code), "{run:?}");
    }
}

#[tokio::test]
async fn commands_that_need_a_description_say_so() {
    let dir = Scratch::new("jsonrpc-none");
    let out = dir.path("out.ts");
    for arguments in [
        &["ls", "jsonrpc+exec:false"][..],
        &["describe", "lsp+stdio:"],
        &["gateway", "http://127.0.0.1:0", "jsonrpc+exec:false"],
        &["top", "jsonrpc+tcp://127.0.0.1:1"],
        &["typescript", "acp+exec:false", "--out", &out],
        &["diff", "mcp+ws://127.0.0.1:1/", "old.json"],
    ] {
        let run = chirp(arguments).await;
        let error = run.failed(2);
        assert!(error.contains("do not describe themselves"), "{run:?}");
    }
}

#[tokio::test]
async fn calls_are_measured() {
    let server = start("jsonrpc+tcp://127.0.0.1:0").await;
    let bench = ["bench", &server.address, "Tools.sum_diff", "a=3", "b=1"];
    let short = ["--seconds", "0.2", "--warm-up", "0.1s", "--json"];
    let run = chirp(&[&bench[..], &short].concat()).await;
    let report: serde_json::Value = serde_json::from_str(run.ok()).expect("JSON");
    assert!(report.is_object());
}
