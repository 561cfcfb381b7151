//! An agent that works with the tools of its host. Both speak JSON-RPC, one message per line, in both directions.
//!
//! ```text
//! agent            the host: starts the agent, gives it work, and checks the results
//! agent work       the agent, for a host in any language
//! ```
//!
//! The agent reads files, and asks before it writes. Its updates arrive while it works, and it stops when its host no longer
//! wants them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chirp::jsonrpc::JsonRpc;
use chirp::{
    CallContext, CallError, ItemError, MethodError, Peer, PeerBuilder, Receiver, Server, Stream,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Served by the agent.
#[chirp::service]
trait Agent {
    /// Works on a prompt. The last update is the answer.
    async fn prompt(
        &self,
        cx: &CallContext,
        text: &str,
    ) -> Result<impl Stream<Item = Result<Update, AgentError>>, AgentError>;
}

/// Served by the host.
#[chirp::service]
trait Host {
    /// Returns the names of all files.
    async fn list_files(&self) -> Vec<String>;
    async fn read_file(&self, name: &str) -> Result<String, HostError>;
    /// Asks the user, who may take their time.
    async fn may(&self, action: &str) -> bool;
    async fn write_file(&self, name: &str, text: &str);
    /// Shows a line that belongs to no prompt.
    #[chirp(oneway)]
    async fn log(&self, line: String);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Update {
    Thought { text: String },
    Reading { file: String },
    Answer { text: String },
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum AgentError {
    #[error("the prompt {text:?} is beyond this agent, which knows \"summarize\" and \"ponder\"")]
    #[chirp(code = 1)]
    NotUnderstood { text: String },
    #[error("not permitted: {action}")]
    #[chirp(code = 2)]
    NotPermitted { action: String },
    #[error("a tool failed: {reason}")]
    #[chirp(code = 3)]
    Tool { reason: String },
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum HostError {
    #[error("no file {name:?}")]
    #[chirp(code = 1)]
    NotFound { name: String },
}

impl From<CallError> for AgentError {
    fn from(error: CallError) -> Self {
        let reason = error.to_string();
        Self::Tool { reason }
    }
}

impl From<MethodError<HostError>> for AgentError {
    fn from(error: MethodError<HostError>) -> Self {
        let reason = error.to_string();
        Self::Tool { reason }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => host().await,
        Some("work") => work().await,
        Some(_) => bail!("usage: agent | agent work"),
    }
}

// The agent.

struct Clerk;

impl Agent for Clerk {
    async fn prompt(
        &self,
        cx: &CallContext,
        text: &str,
    ) -> Result<impl Stream<Item = Result<Update, AgentError>>, AgentError> {
        let job = match text {
            "summarize" => Job::Summarize,
            "ponder" => Job::Ponder,
            other => {
                let text = other.to_owned();
                return Err(AgentError::NotUnderstood { text });
            }
        };
        let host = HostClient::new(cx.caller()).with_json();
        Ok(async_stream::try_stream! {
            match job {
                Job::Summarize => {
                    let mut lines = Vec::new();
                    for file in host.list_files().await? {
                        yield Update::Reading { file: file.clone() };
                        let content = host.read_file(&file).await?;
                        lines.push(format!("{file}: {} words", content.split_whitespace().count()));
                    }
                    let action = "write the file summary".to_owned();
                    if !host.may(&action).await? {
                        Err(AgentError::NotPermitted { action })?;
                    }
                    host.write_file("summary", &lines.join("\n")).await?;
                    yield Update::Answer { text: format!("{} files", lines.len()) };
                }
                Job::Ponder => {
                    // Dropped with the stream, when the host stops listening.
                    let _pondering = Pondering(host);
                    yield Update::Thought { text: "hm".to_owned() };
                    std::future::pending::<()>().await;
                }
            }
        })
    }
}

enum Job {
    Summarize,
    Ponder,
}

struct Pondering(HostClient);

impl Drop for Pondering {
    fn drop(&mut self) {
        self.0.log("no longer pondering".to_owned()).detach();
    }
}

async fn work() -> anyhow::Result<()> {
    let server = Server::builder()
        .schemes(JsonRpc::new().schemes())
        .service(AgentServer::new(Clerk))
        // JSON-RPC calls methods in JSON, by their names.
        .reflect()
        .bind("jsonrpc+stdio:")
        .await?;
    server.run().await;
    Ok(())
}

// The host.

struct Desk {
    files: Mutex<BTreeMap<String, String>>,
    /// The user's answer to every question.
    permits: bool,
    log: watch::Sender<Option<String>>,
}

impl Desk {
    fn new(permits: bool) -> Self {
        let letter = ("letter".to_owned(), "Dear Ann, it is late.".to_owned());
        let list = ("list".to_owned(), "tea, bread".to_owned());
        Self {
            files: Mutex::new([letter, list].into()),
            permits,
            log: watch::Sender::new(None),
        }
    }

    fn file(&self, name: &str) -> Option<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(name).cloned()
    }
}

impl Host for Desk {
    async fn list_files(&self) -> Vec<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.keys().cloned().collect()
    }

    async fn read_file(&self, name: &str) -> Result<String, HostError> {
        let name = name.to_owned();
        self.file(&name).ok_or(HostError::NotFound { name })
    }

    async fn may(&self, action: &str) -> bool {
        println!("may the agent {action}? {}", self.permits);
        self.permits
    }

    async fn write_file(&self, name: &str, text: &str) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(name.to_owned(), text.to_owned());
    }

    async fn log(&self, line: String) {
        println!("the agent: {line}");
        self.log.send_replace(Some(line));
    }
}

/// An agent at work, with a desk of its own.
struct Session {
    desk: Arc<Desk>,
    peer: Peer,
    agent: AgentClient,
}

impl Session {
    async fn start(permits: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let desk = Arc::new(Desk::new(permits));
        let peer = PeerBuilder::new()
            .schemes(JsonRpc::new().schemes())
            .service(HostServer::from_arc(Arc::clone(&desk)))
            .reflect()
            .connect(&*format!("jsonrpc+exec:{} work", program.display()))
            .await?;
        let agent = AgentClient::new(&peer).with_json();
        Ok(Self { desk, peer, agent })
    }

    async fn end(self) {
        self.peer.shutdown(Duration::from_secs(5)).await;
    }
}

async fn host() -> anyhow::Result<()> {
    let session = Session::start(true).await?;
    let mut updates = session.agent.prompt("summarize").await?;
    let mut read = Vec::new();
    let answer = loop {
        match next(&mut updates).await? {
            Update::Reading { file } => read.push(file),
            Update::Thought { text } => println!("the agent thinks: {text}"),
            Update::Answer { text } => break text,
        }
    };
    println!("the agent has read {read:?}, and says: {answer}");
    ensure!(read == ["letter", "list"]);
    let summary = session.desk.file("summary").context("no summary")?;
    ensure!(summary == "letter: 5 words\nlist: 2 words");

    // A host that no longer listens has cancelled the prompt.
    let mut updates = session.agent.prompt("ponder").await?;
    let thought = next(&mut updates).await?;
    ensure!(matches!(thought, Update::Thought { .. }));
    drop(updates);
    let mut log = session.desk.log.subscribe();
    let line = log.wait_for(Option::is_some).await?.clone();
    ensure!(line.as_deref() == Some("no longer pondering"));

    // Errors keep their types.
    match session.agent.prompt("sing").await {
        Err(MethodError::Handler(AgentError::NotUnderstood { text })) => ensure!(text == "sing"),
        other => bail!("expected an error, received {other:?}"),
    }
    session.end().await;

    let session = Session::start(false).await?;
    let mut updates = session.agent.prompt("summarize").await?;
    let refused = loop {
        match updates.recv().await.context("the agent has finished")? {
            Ok(update) => println!("the agent: {update:?}"),
            Err(error) => break error,
        }
    };
    let ItemError::Handler(AgentError::NotPermitted { action }) = refused else {
        bail!("expected a refusal, received {refused}");
    };
    ensure!(action == "write the file summary");
    session.end().await;
    Ok(())
}

async fn next(updates: &mut Receiver<Update, ItemError<AgentError>>) -> anyhow::Result<Update> {
    let update = updates.recv().await.context("the agent has finished")?;
    Ok(update?)
}
