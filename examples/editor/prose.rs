//! The implementation of the language server. Its language is prose: it marks words that occur twice in a row, completes
//! words, and counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use chirp::CallContext;
use serde_json::Value;
use tokio::sync::watch;

use crate::protocol::{
    Capabilities, Change, Command, CommandProvider, Commands, Completion, Diagnostic, Diagnostics,
    DidChange, DidClose, DidOpen, Documents, EditorClient, Hover, Initialized, Nothing,
    OpenDocument, Place, Position, Progress, Range, UnknownCommand, WorkDone,
};
use crate::words::{Word, words};

/// Counts the words of all open documents, and again after each change, until the editor cancels the request.
pub(crate) const COUNT: &str = "prose.count";

#[derive(Default)]
pub(crate) struct Prose {
    /// The texts of the open documents, by URI.
    texts: watch::Sender<BTreeMap<String, String>>,
    was_shut_down: AtomicBool,
}

impl Documents for Prose {
    async fn initialize(&self, _params: Nothing) -> Initialized {
        Initialized {
            capabilities: Capabilities {
                text_document_sync: 1,
                completion_provider: Nothing {},
                hover_provider: true,
                execute_command_provider: CommandProvider {
                    commands: vec![COUNT.to_owned()],
                },
            },
        }
    }

    async fn initialized(&self, _params: Nothing) {}

    async fn did_open(&self, cx: &CallContext, params: DidOpen) {
        let OpenDocument { uri, text } = params.text_document;
        self.replace(cx, uri, text).await;
    }

    async fn did_change(&self, cx: &CallContext, params: DidChange) {
        let last = params.content_changes.into_iter().next_back();
        if let Some(Change { text }) = last {
            self.replace(cx, params.text_document.uri, text).await;
        }
    }

    async fn did_close(&self, cx: &CallContext, params: DidClose) {
        let uri = params.text_document.uri;
        self.texts.send_modify(|texts| {
            texts.remove(&uri);
        });
        publish(cx, uri, Vec::new()).await;
    }

    async fn completion(&self, params: Place) -> Vec<Completion> {
        let Some(written) = self.word_at(&params) else {
            return Vec::new();
        };
        let prefix = written.before(params.position.character);
        let all: BTreeSet<String> = self.all_words().into_iter().collect();
        all.into_iter()
            .filter(|word| word.starts_with(&prefix) && *word != written.text)
            .map(|label| Completion { label })
            .collect()
    }

    async fn hover(&self, params: Place) -> Option<Hover> {
        let word = self.word_at(&params)?.text;
        let all = self.all_words();
        let count = all.into_iter().filter(|other| *other == word).count();
        let contents = format!("{count} × {word:?} in the open documents");
        Some(Hover { contents })
    }

    async fn shutdown(&self) {
        self.was_shut_down.store(true, Ordering::Relaxed);
    }

    async fn exit(&self) {
        // The protocol wants an error if the editor has not asked for a shutdown before.
        let was_shut_down = self.was_shut_down.load(Ordering::Relaxed);
        std::process::exit(i32::from(!was_shut_down));
    }
}

impl Commands for Prose {
    async fn execute(&self, cx: &CallContext, params: Command) -> Result<(), UnknownCommand> {
        if params.command != COUNT {
            let command = params.command;
            return Err(UnknownCommand { command });
        }
        let task = Task::begin(cx, params.work_done_token, "Counting words").await;
        let mut changes = self.texts.subscribe();
        // A cancelled request is dropped here, and the task with it.
        loop {
            task.report(format!("{} words", self.all_words().len()))
                .await;
            if changes.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

impl Prose {
    async fn replace(&self, cx: &CallContext, uri: String, text: String) {
        let diagnostics = doubled_words(&text);
        self.texts.send_modify(|texts| {
            texts.insert(uri.clone(), text);
        });
        publish(cx, uri, diagnostics).await;
    }

    fn word_at(&self, place: &Place) -> Option<Word> {
        let texts = self.texts.borrow();
        let text = texts.get(&place.text_document.uri)?;
        let line = text.lines().nth(place.position.line)?;
        words(line).find(|word| word.touches(place.position.character))
    }

    fn all_words(&self) -> Vec<String> {
        let texts = self.texts.borrow();
        let all = texts.values().flat_map(|text| words(text));
        all.map(|word| word.text).collect()
    }
}

fn doubled_words(text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let mut words = words(text).peekable();
        while let Some(word) = words.next() {
            if let Some(second) = words.next_if(|next| next.text == word.text) {
                found.push(Diagnostic {
                    range: Range {
                        start: Position {
                            line,
                            character: second.start,
                        },
                        end: Position {
                            line,
                            character: second.end,
                        },
                    },
                    message: format!("{:?} occurs twice in a row", word.text),
                });
            }
        }
    }
    found
}

async fn publish(cx: &CallContext, uri: String, diagnostics: Vec<Diagnostic>) {
    let editor = EditorClient::new(cx.caller()).with_json();
    let params = Diagnostics { uri, diagnostics };
    // An editor that has gone needs no diagnostics.
    let _ = editor.publish_diagnostics(params).await;
}

/// A task whose progress the editor shows, if it wants to. The task ends when it is dropped, whatever the reason.
struct Task {
    editor: EditorClient,
    token: Option<Value>,
}

impl Task {
    async fn begin(cx: &CallContext, token: Option<Value>, title: &str) -> Self {
        let editor = EditorClient::new(cx.caller()).with_json();
        let task = Self { editor, token };
        let title = title.to_owned();
        task.send(WorkDone::Begin { title }).await;
        task
    }

    async fn report(&self, message: String) {
        self.send(WorkDone::Report { message }).await;
    }

    async fn send(&self, value: WorkDone) {
        if let Some(token) = self.token.clone() {
            let _ = self.editor.progress(Progress { token, value }).await;
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            let value = WorkDone::End;
            self.editor.progress(Progress { token, value }).detach();
        }
    }
}
