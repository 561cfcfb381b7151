//! An editor by hand: starts a language server, and writes and reads its messages without Chirp.

use std::process::{ExitStatus, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) struct Client {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Messages that were read while another was awaited.
    inbox: Vec<Value>,
    requests: u64,
}

impl Client {
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut server = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = server.stdin.take().context("a pipe")?;
        let output = server.stdout.take().context("a pipe")?;
        Ok(Self {
            server,
            input,
            output: BufReader::new(output),
            inbox: Vec::new(),
            requests: 0,
        })
    }

    /// Sends a notification.
    pub(crate) async fn notify(&mut self, method: &str, params: Value) -> anyhow::Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
            .await
    }

    /// Sends a request, and returns its ID.
    pub(crate) async fn begin(&mut self, method: &str, params: Value) -> anyhow::Result<u64> {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await?;
        Ok(id)
    }

    /// Sends a request, and returns its result.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        let id = self.begin(method, params).await?;
        let mut response = self.response(id).await?;
        ensure!(response.get("error").is_none(), "{method}: {response}");
        Ok(response["result"].take())
    }

    /// Returns the response to a request.
    pub(crate) async fn response(&mut self, id: u64) -> anyhow::Result<Value> {
        self.first(|message| message.get("method").is_none() && message["id"] == id)
            .await
    }

    /// Returns the parameters of the next notification of a method.
    pub(crate) async fn notification(&mut self, method: &str) -> anyhow::Result<Value> {
        let mut found = self.first(|message| message["method"] == method).await?;
        Ok(found["params"].take())
    }

    /// Waits until the server has exited.
    pub(crate) async fn exited(mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.server.wait().await?)
    }

    async fn first(&mut self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let mut at = 0;
        loop {
            while self.inbox.len() <= at {
                let message = self.receive().await?;
                self.inbox.push(message);
            }
            if wanted(&self.inbox[at]) {
                return Ok(self.inbox.remove(at));
            }
            at += 1;
        }
    }

    async fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        let body = message.to_string();
        println!("--> {body}");
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        Ok(self.input.write_all(frame.as_bytes()).await?)
    }

    async fn receive(&mut self) -> anyhow::Result<Value> {
        let mut length = None;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).await?;
            ensure!(!line.is_empty(), "the server has closed its output");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = Some(value.parse()?),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length.context("no Content-Length")?];
        self.output.read_exact(&mut body).await?;
        println!("<-- {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body)?)
    }
}
