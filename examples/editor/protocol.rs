//! The part of the Language Server Protocol that the example needs: traits for the methods, and types for their parameters.
//! Fields that a type does not have are ignored.

use chirp::CallContext;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The requests of an editor about its documents. Methods run one after another, in the order in which they arrive: a completion
/// sees the changes before it.
#[chirp::service(name = "", codec = chirp::codec::Json, ordered)]
pub(crate) trait Documents {
    #[chirp(params)]
    async fn initialize(&self, params: Nothing) -> Initialized;
    #[chirp(params, oneway)]
    async fn initialized(&self, params: Nothing);
    #[chirp(params, oneway, name = "textDocument/didOpen")]
    async fn did_open(&self, cx: &CallContext, params: DidOpen);
    #[chirp(params, oneway, name = "textDocument/didChange")]
    async fn did_change(&self, cx: &CallContext, params: DidChange);
    #[chirp(params, oneway, name = "textDocument/didClose")]
    async fn did_close(&self, cx: &CallContext, params: DidClose);
    #[chirp(params, name = "textDocument/completion")]
    async fn completion(&self, params: Place) -> Vec<Completion>;
    #[chirp(params, name = "textDocument/hover")]
    async fn hover(&self, params: Place) -> Option<Hover>;
    async fn shutdown(&self);
    #[chirp(oneway)]
    async fn exit(&self);
}

/// Commands take long. In a service of their own they delay no other method.
#[chirp::service(name = "", codec = chirp::codec::Json)]
pub(crate) trait Commands {
    #[chirp(params, name = "workspace/executeCommand")]
    async fn execute(&self, cx: &CallContext, params: Command) -> Result<(), UnknownCommand>;
}

/// The notifications of the server to the editor.
#[chirp::service(name = "", codec = chirp::codec::Json)]
pub(crate) trait Editor {
    #[chirp(params, oneway, name = "textDocument/publishDiagnostics")]
    async fn publish_diagnostics(&self, params: Diagnostics);
    #[chirp(params, oneway, name = "$/progress")]
    async fn progress(&self, params: Progress);
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("unknown command {command:?}")]
#[chirp(code = 1)]
pub(crate) struct UnknownCommand {
    pub command: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Nothing {}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Initialized {
    pub capabilities: Capabilities,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Capabilities {
    /// 1: a change contains the whole text.
    pub text_document_sync: u8,
    pub completion_provider: Nothing,
    pub hover_provider: bool,
    pub execute_command_provider: CommandProvider,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommandProvider {
    pub commands: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub uri: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OpenDocument {
    pub uri: String,
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DidOpen {
    pub text_document: OpenDocument,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DidChange {
    pub text_document: Document,
    pub content_changes: Vec<Change>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DidClose {
    pub text_document: Document,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Place {
    pub text_document: Document,
    pub position: Position,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    pub line: usize,
    /// UTF-16 units, unless both sides agree on another encoding.
    pub character: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Range {
    pub start: Position,
    pub end: Position,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Completion {
    pub label: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hover {
    pub contents: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Diagnostics {
    pub uri: String,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Diagnostic {
    pub range: Range,
    pub message: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Command {
    pub command: String,
    /// A number or a text that the editor wants to see in reports of progress.
    pub work_done_token: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub token: Value,
    pub value: WorkDone,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum WorkDone {
    Begin { title: String },
    Report { message: String },
    End,
}
