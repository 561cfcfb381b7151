//! Requests by `curl`, or by a few lines of our own where `curl` is not installed.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

/// The status and the JSON of a response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

/// Sends requests.
pub(crate) struct Asker {
    has_curl: bool,
}

impl Asker {
    pub(crate) async fn new() -> Self {
        let mut version = Command::new("curl");
        let version = version.arg("--version").stdout(Stdio::null());
        let status = version.stderr(Stdio::null()).status().await;
        let has_curl = status.is_ok_and(|status| status.success());
        println!(
            "requests are sent by {}",
            if has_curl {
                "curl"
            } else {
                "hand, since curl is not installed"
            }
        );
        Self { has_curl }
    }

    /// Posts arguments to a method of the gateway.
    pub(crate) async fn post(
        &self,
        gateway: &str,
        method: &str,
        headers: &[String],
        arguments: &Value,
    ) -> Result<Answer> {
        let url = format!("{gateway}/call/{method}");
        let arguments = arguments.to_string();
        self.send(&url, headers, Some(&arguments)).await
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Answer> {
        self.send(url, &[], None).await
    }

    async fn send(&self, url: &str, headers: &[String], body: Option<&str>) -> Result<Answer> {
        if self.has_curl {
            by_curl(url, headers, body).await
        } else {
            by_hand(url, headers, body).await
        }
    }
}

async fn by_curl(url: &str, headers: &[String], body: Option<&str>) -> Result<Answer> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--write-out", "\n%{http_code}"]);
    for header in headers {
        curl.args(["--header", header]);
    }
    if let Some(body) = body {
        // Older versions have no `--json`.
        curl.args(["--header", "Content-Type: application/json"]);
        curl.args(["--data", body]);
    }
    let output = curl.arg(url).output().await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{complaint}");
    let text = String::from_utf8(output.stdout)?;
    let (body, status) = text.rsplit_once('\n').context("no status")?;
    Ok(Answer {
        status: status.parse()?,
        json: serde_json::from_str(body)?,
    })
}

async fn by_hand(url: &str, headers: &[String], body: Option<&str>) -> Result<Answer> {
    let rest = url.strip_prefix("http://").context("no URL of http")?;
    let (host, path) = rest.split_once('/').context("no path")?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let mut request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    let mut socket = TcpStream::connect(host).await?;
    socket
        .write_all(format!("{request}\r\n{body}").as_bytes())
        .await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    let status = head.split(' ').nth(1).context("no status")?;
    Ok(Answer {
        status: status.parse()?,
        json: serde_json::from_str(body)?,
    })
}
