use std::io;
use std::time::Duration;

use chirp::reflect::{JsonArguments, JsonText};
use chirp::stream::{Sender, channel};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::task::JoinHandle;

use super::source::{OpenSource, Source};
use crate::failure::Failure;
use crate::progress::Progress;

/// The bytes that are sent as one item of a byte stream.
const PIECE: usize = 48 << 10;

/// The longest line that is one item of a stream, in bytes. Payloads are shorter by default.
const MAX_LINE: u64 = 64 << 20;

/// An argument that is a stream.
#[derive(Debug)]
pub(super) struct StreamArgument {
    pub(super) name: String,
    pub(super) items: StreamItems,
}

/// The items of a stream.
#[derive(Debug)]
pub(super) enum StreamItems {
    /// Bytes, in pieces of any length.
    Bytes(Source),
    /// A line of JSON for each item.
    Lines(Source),
    /// The items themselves.
    Listed(Vec<JsonText>),
}

/// The streams of a call that are being sent. Dropping them stops sending.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    tasks: Vec<JoinHandle<Result<(), Failure>>>,
    progress: Progress,
}

impl Uploads {
    /// Adds streams to arguments, and starts to send them.
    pub(super) async fn start(
        mut arguments: JsonArguments,
        streams: Vec<StreamArgument>,
    ) -> Result<(JsonArguments, Self), Failure> {
        let mut opened = Vec::with_capacity(streams.len());
        for StreamArgument { name, items } in streams {
            let source = match &items {
                StreamItems::Bytes(source) | StreamItems::Lines(source) => {
                    Some(source.open().await?)
                }
                StreamItems::Listed(_) => None,
            };
            opened.push((name, items, source));
        }
        let lengths = opened.iter().filter_map(|(_, _, source)| source.as_ref());
        let length = lengths.map(|source| source.length).sum::<Option<u64>>();
        let has_source = opened.iter().any(|(_, _, source)| source.is_some());
        let progress = if has_source {
            Progress::start(length)
        } else {
            Progress::default()
        };
        let mut tasks = Vec::with_capacity(opened.len());
        for (name, items, source) in opened {
            let (sender, receiver) = channel::<JsonText>();
            arguments = arguments.stream(&name, receiver);
            tasks.push(tokio::spawn(send(
                name,
                items,
                source,
                sender,
                progress.clone(),
            )));
        }
        Ok((arguments, Self { tasks, progress }))
    }

    /// Removes the progress bar. What is not sent yet goes on being sent.
    pub(crate) fn finish(&self) {
        self.progress.finish();
    }

    /// Waits until everything is sent, and returns the reason why a stream failed at this side, if one did.
    pub(crate) async fn wait(&mut self) -> Option<Failure> {
        let mut failed = None;
        for task in self.tasks.drain(..) {
            if let Ok(Err(failure)) = task.await {
                failed.get_or_insert(failure);
            }
        }
        self.progress.finish();
        failed
    }

    /// Stops sending, and returns the reason why a stream failed at this side, if one did.
    pub(crate) async fn failure(&mut self) -> Option<Failure> {
        self.progress.finish();
        for task in self.tasks.drain(..) {
            // A task that has failed has ended already, or ends without waiting for anything.
            let ended = tokio::time::timeout(Duration::ZERO, task).await;
            if let Ok(Ok(Err(failure))) = ended {
                return Some(failure);
            }
        }
        None
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        self.progress.finish();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn send(
    name: String,
    items: StreamItems,
    source: Option<OpenSource>,
    mut sender: Sender<JsonText>,
    progress: Progress,
) -> Result<(), Failure> {
    let sent = match (items, source) {
        (StreamItems::Listed(items), _) => send_listed(items, &mut sender).await,
        (StreamItems::Bytes(_), Some(source)) => send_bytes(source, &mut sender, &progress).await,
        (StreamItems::Lines(_), Some(source)) => send_lines(source, &mut sender, &progress).await,
        (StreamItems::Bytes(_) | StreamItems::Lines(_), None) => Ok(()),
    };
    match sent {
        Ok(()) => {
            sender.finish();
            Ok(())
        }
        // The method's answer says why it took no more.
        Err(Stopped::Closed) => Ok(()),
        Err(Stopped::Failed(reason)) => {
            sender.fail(reason.clone());
            Err(Failure::usage(format!("argument {name}: {reason}")))
        }
    }
}

/// The reason why a stream was not sent to its end.
enum Stopped {
    /// The other side takes no more items.
    Closed,
    /// The items cannot be read.
    Failed(String),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("cannot be read: {error}"))
    }
}

async fn send_item(item: JsonText, sender: &mut Sender<JsonText>) -> Result<(), Stopped> {
    sender.send(item).await.map_err(|error| match error {
        chirp::StreamError::TooLarge { .. } | chirp::StreamError::Encode(_) => {
            Stopped::Failed(error.to_string())
        }
        _ => Stopped::Closed,
    })
}

async fn send_listed(items: Vec<JsonText>, sender: &mut Sender<JsonText>) -> Result<(), Stopped> {
    for item in items {
        send_item(item, sender).await?;
    }
    Ok(())
}

async fn send_bytes(
    mut source: OpenSource,
    sender: &mut Sender<JsonText>,
    progress: &Progress,
) -> Result<(), Stopped> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = source.reader.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        send_item(JsonText::bytes(&piece[..length]), sender).await?;
        progress.advance(length);
    }
}

async fn send_lines(
    source: OpenSource,
    sender: &mut Sender<JsonText>,
    progress: &Progress,
) -> Result<(), Stopped> {
    let mut reader = BufReader::with_capacity(PIECE, source.reader);
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        let length = (&mut reader)
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut line)
            .await?;
        if length == 0 {
            return Ok(());
        }
        number += 1;
        if length as u64 > MAX_LINE {
            return Err(Stopped::Failed(format!(
                "line {number} is too long: at most {} MiB",
                MAX_LINE >> 20
            )));
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            let item = JsonText::from_slice(text);
            let item = item.map_err(|error| Stopped::Failed(format!("line {number}: {error}")))?;
            send_item(item, sender).await?;
        }
        progress.advance(length);
    }
}
