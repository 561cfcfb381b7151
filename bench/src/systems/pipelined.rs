//! The lower bound for many callers: frames with IDs, by hand.
//!
//! Callers append to one buffer. A writer task yields once before it writes, so that other callers can append too.
//! The reader finds the caller in a map and completes its oneshot channel. Names, limits, cancellation and errors
//! are missing: they are what Chirp adds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

use crate::handler::{Wait, Work};
use crate::link::Stream;
use crate::system::{Client, Connects, Result, Skills, System};

/// Frames by hand. Both ends have the same code, and call each other.
pub struct Pipelined;

impl System for Pipelined {
    const NAME: &'static str = "pipelined-floor";
    const SKILLS: Skills = Skills {
        items: false,
        pieces: false,
        ..Skills::ALL
    };

    type Client = Framed;

    fn client(stream: Stream) -> impl Connects<Framed> {
        async { Ok(Framed::start(stream)) }
    }

    fn serve(stream: Stream) -> impl Connects<Option<Framed>> {
        async { Ok(Some(Framed::start(stream))) }
    }
}

/// A frame is a length, an ID, an operation and its data.
const HEAD: usize = 9;
const ADD: u8 = 0;
const ECHO: u8 = 1;
const ANSWER: u8 = 2;
/// How the handler waits.
const WAIT: u8 = 16;

/// One end of a connection.
#[derive(Clone)]
pub struct Framed {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    written: Notify,
    work: Work,
}

#[derive(Default)]
struct State {
    outgoing: Vec<u8>,
    waiting: HashMap<u32, oneshot::Sender<Bytes>>,
    last: u32,
}

impl Framed {
    fn start(stream: Stream) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            written: Notify::new(),
            work: Work::start(),
        });
        let (reader, writer) = stream.halves();
        let writing = tokio::spawn(Arc::clone(&shared).write(writer));
        let reading = Arc::clone(&shared).read(reader);
        tokio::spawn(async move {
            reading.await;
            writing.abort();
        });
        Self { shared }
    }

    async fn call(&self, operation: u8, parts: &[&[u8]]) -> Result<Bytes> {
        let (sender, answer) = oneshot::channel();
        self.shared.change(|state| {
            state.last = state.last.wrapping_add(1);
            state.waiting.insert(state.last, sender);
            state.append(state.last, operation, parts);
        });
        Ok(answer.await?)
    }
}

impl State {
    fn append(&mut self, id: u32, operation: u8, parts: &[&[u8]]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        self.outgoing.extend((len as u32).to_le_bytes());
        self.outgoing.extend(id.to_le_bytes());
        self.outgoing.push(operation);
        for part in parts {
            self.outgoing.extend_from_slice(part);
        }
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = state.outgoing.is_empty();
        let changed = change(&mut state);
        let wake = was_empty && !state.outgoing.is_empty();
        drop(state);
        if wake {
            self.written.notify_one();
        }
        changed
    }

    async fn write(self: Arc<Self>, mut writer: impl AsyncWriteExt + Unpin) {
        let mut batch = Vec::new();
        loop {
            self.written.notified().await;
            tokio::task::yield_now().await;
            self.change(|state| std::mem::swap(&mut state.outgoing, &mut batch));
            if writer.write_all(&batch).await.is_err() {
                return;
            }
            batch.clear();
        }
    }

    async fn read(self: Arc<Self>, mut reader: impl AsyncReadExt + Unpin) {
        let mut buffer = BytesMut::with_capacity(64 << 10);
        let mut frames = Vec::new();
        let mut answers = Vec::new();
        while reader.read_buf(&mut buffer).await.is_ok_and(|len| len > 0) {
            while let Some(frame) = next_frame(&mut buffer) {
                frames.push(frame);
            }
            self.change(|state| {
                for (id, operation, mut body) in frames.drain(..) {
                    match operation {
                        ANSWER => answers.extend(state.waiting.remove(&id).map(|to| (to, body))),
                        ADD => {
                            let sum = body.get_u64_le().wrapping_add(body.get_u64_le());
                            state.append(id, ANSWER, &[&sum.to_le_bytes()]);
                        }
                        ECHO => state.append(id, ANSWER, &[&body]),
                        wait => {
                            let shared = Arc::clone(&self);
                            tokio::spawn(async move {
                                shared.work.wait(Wait::from(wait - WAIT)).await;
                                shared.change(|state| state.append(id, ANSWER, &[&body]));
                            });
                        }
                    }
                }
            });
            for (caller, body) in answers.drain(..) {
                // The caller may have been dropped.
                let _ = caller.send(body);
            }
        }
    }
}

/// Returns the next complete frame.
fn next_frame(buffer: &mut BytesMut) -> Option<(u32, u8, Bytes)> {
    let &[l0, l1, l2, l3, i0, i1, i2, i3, operation] = buffer.first_chunk::<HEAD>()?;
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if buffer.len() < HEAD + len {
        buffer.reserve(HEAD + len - buffer.len());
        return None;
    }
    buffer.advance(HEAD);
    let id = u32::from_le_bytes([i0, i1, i2, i3]);
    Some((id, operation, buffer.split_to(len).freeze()))
}

fn text(bytes: &[u8]) -> Result<String> {
    Ok(str::from_utf8(bytes)?.to_owned())
}

impl Client for Framed {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        let numbers = [&a.to_le_bytes()[..], &b.to_le_bytes()];
        Ok(self.call(ADD, &numbers).await?.get_u64_le())
    }

    async fn echo(&self, data: &str) -> Result<String> {
        text(&self.call(ECHO, &[data.as_bytes()]).await?)
    }

    async fn wait(&self, wait: Wait, data: &str) -> Result<String> {
        text(&self.call(WAIT + wait as u8, &[data.as_bytes()]).await?)
    }

    async fn blob(&self, data: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.call(ECHO, &[&data]).await?.to_vec())
    }

    async fn bytes(&self, data: Bytes) -> Result<Bytes> {
        self.call(ECHO, &[&data]).await
    }
}
