use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::dynamic::JsonText;
use chirp_runtime::stream::{Receiver, StreamError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::body::{BodyError, Produce};
use super::media_type::MediaType;
use super::problem::Problem;
use super::target::TargetMethod;
use super::upload::Uploads;

/// The bytes of items that are collected if more items are at hand.
const MAX_PIECE: usize = 64 << 10;

/// The time after which server-sent events without an item are kept alive. A caller that has gone away is noticed by writing.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The items of a stream in JSON as the body of a response.
pub(super) struct ItemBody {
    items: Receiver<JsonText>,
    format: MediaType,
    /// The number of items before the next one.
    count: u64,
    stage: Stage,
    method: TargetMethod,
    heartbeat: Option<Interval>,
    _uploads: Uploads,
    _permit: OwnedSemaphorePermit,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Start,
    Items,
    End,
}

impl ItemBody {
    pub(super) fn new(
        items: Receiver<JsonText>,
        format: MediaType,
        method: TargetMethod,
        uploads: Uploads,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let heartbeat = (format == MediaType::Events).then(|| {
            let mut interval = interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Self {
            items,
            format,
            count: 0,
            stage: Stage::Start,
            method,
            heartbeat,
            _uploads: uploads,
            _permit: permit,
        }
    }

    /// Appends an item to the bytes.
    fn item(&mut self, item: &JsonText, out: &mut Vec<u8>) {
        self.count += 1;
        if self.format == MediaType::Events {
            // A browser that connects again names the last item that it has received.
            out.extend_from_slice(format!("id: {}\ndata: ", self.count).as_bytes());
            line(item.as_str(), out);
            out.extend_from_slice(b"\n\n");
        } else {
            out.extend_from_slice(b"{\"item\":");
            line(item.as_str(), out);
            out.extend_from_slice(b"}\n");
        }
    }

    /// Appends the end of the stream.
    fn end(&mut self, error: Option<StreamError>, out: &mut Vec<u8>) {
        self.stage = Stage::End;
        let count = self.count;
        match (self.format, error) {
            (MediaType::Events, None) => {
                out.extend_from_slice(
                    format!("event: end\ndata: {{\"end\":{count}}}\n\n").as_bytes(),
                );
            }
            (MediaType::Events, Some(error)) => {
                let problem = self.problem(error).to_json();
                out.extend_from_slice(format!("event: problem\ndata: {problem}\n\n").as_bytes());
            }
            (_, None) => out.extend_from_slice(format!("{{\"end\":{count}}}\n").as_bytes()),
            (_, Some(error)) => {
                let problem = self.problem(error).to_json();
                out.extend_from_slice(format!("{{\"error\":{problem}}}\n").as_bytes());
            }
        }
    }

    fn problem(&self, error: StreamError) -> Problem {
        Problem::of_stream(error, self.method.description())
    }
}

impl Produce for ItemBody {
    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let this = &mut *self;
        let mut out = Vec::new();
        if this.stage == Stage::Start {
            this.stage = Stage::Items;
            if this.format == MediaType::Events {
                // From here on a browser that connects again says so.
                out.extend_from_slice(b"id: 0\n\n");
            }
        }
        while this.stage == Stage::Items && out.len() < MAX_PIECE {
            match this.items.poll_recv(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(item))) => this.item(&item, &mut out),
                Poll::Ready(Some(Err(error))) => this.end(Some(error), &mut out),
                Poll::Ready(None) => this.end(None, &mut out),
            }
        }
        if !out.is_empty() {
            if let Some(heartbeat) = &mut this.heartbeat {
                heartbeat.reset();
            }
            return Poll::Ready(Some(Ok(out.into())));
        }
        if this.stage == Stage::End {
            return Poll::Ready(None);
        }
        match &mut this.heartbeat {
            Some(heartbeat) => heartbeat
                .poll_tick(cx)
                .map(|_| Some(Ok(Bytes::from_static(b": still here\n\n")))),
            None => Poll::Pending,
        }
    }
}

/// Appends JSON on one line. Line breaks in JSON are white space.
fn line(json: &str, out: &mut Vec<u8>) {
    let bytes = json.bytes();
    out.extend(bytes.map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => byte,
    }));
}
