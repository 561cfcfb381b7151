use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::frame::{COST, ChannelFrame};

/// The bytes that a side may have sent and the other has not read.
pub(super) const WINDOW: u64 = 1 << 20;

/// A connection whose other side has sent nothing for this time has failed. Each side sends its status every second.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// The state of a connection that its halves and its task share.
pub(super) struct ChannelShared {
    state: Mutex<ChannelState>,
    /// Tells the task that there is something to send, or that a half is gone.
    pub(super) changed: Notify,
}

/// The state of a connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each half has two of its own"
)]
pub(super) struct ChannelState {
    // Receiving:
    pub(super) arrived: VecDeque<Bytes>,
    /// The cost of what waits in `arrived`.
    waiting: u64,
    /// The number of the last data or end that has arrived.
    received: u64,
    ended: bool,
    /// The cost of what has been read.
    read: u64,
    /// The credit that the other side was told.
    told: u64,
    pub(super) reader: Option<Waker>,
    pub(super) reader_gone: bool,
    heard: Instant,
    // Sending:
    /// The number of the last data or end that was sent.
    pub(super) sent: u64,
    /// The cost of what was sent.
    pub(super) spent: u64,
    pub(super) credit: u64,
    pub(super) end_sent: bool,
    pub(super) writer: Option<Waker>,
    pub(super) writer_gone: bool,
    /// Why the connection has failed.
    failure: Option<(io::ErrorKind, String)>,
}

impl ChannelShared {
    pub(super) fn new(credit: u64) -> Self {
        Self {
            state: Mutex::new(ChannelState {
                arrived: VecDeque::new(),
                waiting: 0,
                received: 0,
                ended: false,
                read: 0,
                told: WINDOW,
                reader: None,
                reader_gone: false,
                heard: Instant::now(),
                sent: 0,
                spent: 0,
                credit,
                end_sent: false,
                writer: None,
                writer_gone: false,
                failure: None,
            }),
            changed: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChannelState {
    /// Handles a message of the other side. Returns the waker of a half that can go on.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the connection.
    pub(super) fn handle(
        &mut self,
        frame: ChannelFrame,
    ) -> Result<Option<Waker>, (io::ErrorKind, String)> {
        self.heard = Instant::now();
        match frame {
            ChannelFrame::Data { number, bytes } => {
                self.expect(number)?;
                let cost = bytes.len() as u64 + COST;
                self.waiting += cost;
                if self.waiting > WINDOW {
                    let text = "the other side sends more than it may".to_owned();
                    return Err((io::ErrorKind::InvalidData, text));
                }
                if self.reader_gone {
                    self.waiting -= cost;
                    return Ok(None);
                }
                self.arrived.push_back(bytes);
                Ok(self.reader.take())
            }
            ChannelFrame::End { number } => {
                self.expect(number)?;
                self.ended = true;
                Ok(self.reader.take())
            }
            ChannelFrame::Status { last, credit } => {
                if last > self.received {
                    return Err(lost(self.received, last));
                }
                self.credit = self.credit.max(credit);
                Ok(self.writer.take())
            }
            ChannelFrame::Abort { text } => Err((io::ErrorKind::ConnectionAborted, text)),
            // A repeated handshake has no effect.
            ChannelFrame::Hello { .. } | ChannelFrame::Accept { .. } => Ok(None),
        }
    }

    fn expect(&mut self, number: u64) -> Result<(), (io::ErrorKind, String)> {
        if self.ended {
            let text = "the other side sends after its end".to_owned();
            return Err((io::ErrorKind::InvalidData, text));
        }
        if number != self.received + 1 {
            return Err(lost(self.received, number));
        }
        self.received = number;
        Ok(())
    }

    /// Notes that a chunk was read. Returns `true` if the other side should be told its credit.
    pub(super) fn note_read(&mut self, bytes: usize, whole: bool) -> bool {
        let cost = bytes as u64 + if whole { COST } else { 0 };
        self.read += cost;
        self.waiting = self.waiting.saturating_sub(cost);
        self.read + WINDOW - self.told >= WINDOW / 4
    }

    /// The status to send now.
    pub(super) fn status(&mut self) -> ChannelFrame {
        self.told = self.read + WINDOW;
        ChannelFrame::Status {
            last: self.sent,
            credit: self.told,
        }
    }

    /// Returns whether the other side should be told its credit.
    pub(super) fn owes_credit(&self) -> bool {
        self.read + WINDOW - self.told >= WINDOW / 4
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn is_silent(&self) -> bool {
        self.heard.elapsed() > SILENCE
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Notes the reason of a failure. Returns the wakers of both halves.
    pub(super) fn fail(&mut self, kind: io::ErrorKind, text: &str) -> [Option<Waker>; 2] {
        self.failure.get_or_insert_with(|| (kind, text.to_owned()));
        [self.reader.take(), self.writer.take()]
    }

    /// Returns the reason of a failure, for one of the halves.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let (kind, text) = self.failure.as_ref()?;
        Some(io::Error::new(*kind, text.clone()))
    }
}

fn lost(received: u64, sent: u64) -> (io::ErrorKind, String) {
    let text = format!(
        "messages were lost on the way through NATS: {sent} was sent, and {received} was the last that arrived in order"
    );
    (io::ErrorKind::ConnectionReset, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(number: u64, len: usize) -> ChannelFrame {
        ChannelFrame::Data {
            number,
            bytes: vec![0; len].into(),
        }
    }

    fn kind(result: Result<Option<Waker>, (io::ErrorKind, String)>) -> Option<io::ErrorKind> {
        result.err().map(|(kind, _)| kind)
    }

    #[tokio::test]
    async fn lost_messages_are_noticed() {
        let shared = ChannelShared::new(0);
        let mut state = shared.lock();
        assert_eq!(kind(state.handle(data(1, 10))), None);
        assert_eq!(
            kind(state.handle(data(3, 10))),
            Some(io::ErrorKind::ConnectionReset)
        );
        // The last message is noticed by the status.
        let status = |last| ChannelFrame::Status { last, credit: 5 };
        assert_eq!(kind(state.handle(status(1))), None);
        assert_eq!(state.credit, 5);
        assert_eq!(
            kind(state.handle(status(2))),
            Some(io::ErrorKind::ConnectionReset)
        );
        // A repeated message is none that was lost, and not right either.
        assert_eq!(
            kind(state.handle(data(1, 10))),
            Some(io::ErrorKind::ConnectionReset)
        );
    }

    #[tokio::test]
    async fn more_than_the_credit_is_refused() {
        let shared = ChannelShared::new(0);
        let mut state = shared.lock();
        let mut number = 0;
        let refused = loop {
            number += 1;
            if let Some(kind) = kind(state.handle(data(number, 0))) {
                break kind;
            }
        };
        assert_eq!(refused, io::ErrorKind::InvalidData);
        assert_eq!(number, WINDOW / COST + 1, "empty messages cost, too");
    }

    #[tokio::test]
    async fn credit_is_what_was_read_and_a_window() {
        let shared = ChannelShared::new(0);
        let mut state = shared.lock();
        assert!(state.handle(data(1, 300_000)).is_ok());
        assert!(!state.note_read(100_000, false));
        assert!(state.note_read(200_000, true));
        let credit = WINDOW + 300_000 + COST;
        assert_eq!(state.status(), ChannelFrame::Status { last: 0, credit });
        assert!(!state.owes_credit());
    }
}
