//! A language server: an editor starts it, and speaks JSON-RPC with it over its standard input and output.
//!
//! ```text
//! editor            starts the server, plays an editor, and checks the answers
//! editor serve      the server, for every editor that knows the Language Server Protocol
//! ```
//!
//! The server is an ordinary implementation of traits (`prose.rs`). The address in `serve` makes it a language server, and the
//! names of the methods in `protocol.rs`.

mod client;
mod prose;
mod protocol;
mod words;

use std::sync::Arc;

use anyhow::{bail, ensure};
use chirp::Server;
use chirp::jsonrpc::JsonRpc;
use serde_json::{Value, json};
use tokio::process::Command;

use client::Client;
use prose::{COUNT, Prose};
use protocol::{CommandsServer, DocumentsServer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => edit().await,
        Some("serve") => serve().await,
        Some(_) => bail!("usage: editor | editor serve"),
    }
}

async fn serve() -> anyhow::Result<()> {
    let prose = Arc::new(Prose::default());
    let server = Server::builder()
        .schemes(JsonRpc::new().schemes())
        .service(DocumentsServer::from_arc(Arc::clone(&prose)))
        .service(CommandsServer::from_arc(prose))
        // JSON-RPC calls methods in JSON, by their names.
        .reflect()
        .bind("lsp+stdio:")
        .await?;
    server.run().await;
    bail!("the editor left without a goodbye");
}

const URI: &str = "file:///letter.txt";

async fn edit() -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve");
    let mut server = Client::start(command)?;

    let initialized = server
        .request("initialize", json!({"processId": null, "capabilities": {}}))
        .await?;
    ensure!(initialized["capabilities"]["hoverProvider"] == true);
    server.notify("initialized", json!({})).await?;

    // The server reports problems of its own accord.
    let document = json!({"uri": URI, "languageId": "plaintext", "version": 1, "text": "Dear Ann,\nit is is late."});
    server
        .notify("textDocument/didOpen", json!({"textDocument": document}))
        .await?;
    let published = server
        .notification("textDocument/publishDiagnostics")
        .await?;
    ensure!(published["uri"] == URI);
    let start = json!({"line": 1, "character": 6});
    ensure!(published["diagnostics"][0]["range"]["start"] == start);

    // The completion sees the change, although the editor does not wait for anything in between.
    change(&mut server, "Dear Ann,\nit is late. Yours, An").await?;
    let here = json!({"textDocument": {"uri": URI}, "position": {"line": 1, "character": 21}});
    let completions = server
        .request("textDocument/completion", here.clone())
        .await?;
    ensure!(completions == json!([{"label": "Ann"}]));
    let corrected = server
        .notification("textDocument/publishDiagnostics")
        .await?;
    ensure!(corrected["diagnostics"] == json!([]));
    let hover = server.request("textDocument/hover", here).await?;
    ensure!(hover["contents"] == "1 × \"An\" in the open documents");

    // A command that goes on until it is cancelled, with progress.
    let command = json!({"command": COUNT, "arguments": [], "workDoneToken": "count"});
    let counting = server.begin("workspace/executeCommand", command).await?;
    ensure!(progress(&mut server).await?["kind"] == "begin");
    ensure!(progress(&mut server).await?["message"] == "7 words");
    change(&mut server, "Dear Ann,\nit is late. Yours").await?;
    ensure!(progress(&mut server).await?["message"] == "6 words");
    server
        .notify("$/cancelRequest", json!({"id": counting}))
        .await?;
    let cancelled = server.response(counting).await?;
    ensure!(cancelled["error"]["code"] == -32800, "{cancelled}");
    ensure!(progress(&mut server).await?["kind"] == "end");

    // Errors have the codes of JSON-RPC, or those of the trait.
    let unknown = server.begin("textDocument/rename", json!({})).await?;
    let unknown = server.response(unknown).await?;
    ensure!(unknown["error"]["code"] == -32601, "{unknown}");
    let command = json!({"command": "prose.print"});
    let refused = server.begin("workspace/executeCommand", command).await?;
    let refused = server.response(refused).await?;
    ensure!(refused["error"]["code"] == 1, "{refused}");

    ensure!(server.request("shutdown", Value::Null).await? == Value::Null);
    server.notify("exit", Value::Null).await?;
    ensure!(server.exited().await?.success());
    Ok(())
}

async fn change(server: &mut Client, text: &str) -> anyhow::Result<()> {
    let document = json!({"uri": URI, "version": 2});
    let changes = json!([{"text": text}]);
    let params = json!({"textDocument": document, "contentChanges": changes});
    server.notify("textDocument/didChange", params).await
}

async fn progress(server: &mut Client) -> anyhow::Result<Value> {
    let mut params = server.notification("$/progress").await?;
    ensure!(params["token"] == "count");
    Ok(params["value"].take())
}
