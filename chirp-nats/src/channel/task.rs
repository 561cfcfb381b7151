use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Subject, Subscriber};
use futures_core::Stream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::frame::ChannelFrame;
use super::state::ChannelShared;
use crate::connection::soon;

/// The time between two messages that tell the last number.
const STATUS: Duration = Duration::from_secs(1);

/// The number of status messages after both sides have ended, in case the last message was lost.
const LINGER: usize = 3;

/// The task of a connection: it receives, and sends what the halves cannot send by themselves.
pub(super) struct ChannelTask {
    pub(super) shared: Arc<ChannelShared>,
    pub(super) client: Client,
    pub(super) messages: Subscriber,
    /// The subject of the other side.
    pub(super) subject: Subject,
}

impl ChannelTask {
    pub(super) async fn run(mut self) {
        let mut statuses = interval(STATUS);
        statuses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rounds = 0;
        loop {
            let messages = Pin::new(&mut self.messages);
            let mut messages = messages;
            tokio::select! {
                message = poll_fn(|cx| messages.as_mut().poll_next(cx)) => {
                    let Some(message) = message else {
                        self.fail(io::ErrorKind::NotConnected, "the connection to NATS was closed");
                        return;
                    };
                    if !self.take(message.payload).await {
                        return;
                    }
                }
                () = self.shared.changed.notified() => {
                    if self.shared.lock().owes_credit() {
                        self.send_status().await;
                    }
                }
                _ = statuses.tick() => {
                    if self.shared.lock().is_silent() {
                        let text = "the other side has sent nothing for 10 s";
                        self.fail(io::ErrorKind::TimedOut, text);
                        return;
                    }
                    self.send_status().await;
                    let state = self.shared.lock();
                    if state.has_ended() && state.end_sent {
                        rounds += 1;
                    }
                }
            }
            if self.end_if_dropped().await || rounds > LINGER {
                return;
            }
        }
    }

    /// Takes a message. Returns `false` if the connection has failed.
    async fn take(&self, message: bytes::Bytes) -> bool {
        let Some(frame) = ChannelFrame::decode(message) else {
            return true;
        };
        let is_abort = matches!(frame, ChannelFrame::Abort { .. });
        let handled = self.shared.lock().handle(frame);
        match handled {
            Ok(waker) => {
                if let Some(waker) = waker {
                    waker.wake();
                }
                true
            }
            Err((kind, text)) => {
                self.fail(kind, &text);
                if !is_abort {
                    self.send(ChannelFrame::Abort { text }).await;
                }
                false
            }
        }
    }

    /// Sends the end for a writing half that was dropped, and ends when both halves are gone.
    async fn end_if_dropped(&self) -> bool {
        let (end, over, unread) = {
            let mut state = self.shared.lock();
            let end = state.writer_gone && !state.end_sent && !state.has_failed();
            if end {
                state.end_sent = true;
                state.sent += 1;
            }
            let over = state.writer_gone && state.reader_gone;
            (end.then_some(state.sent), over, !state.has_ended())
        };
        if let Some(number) = end {
            self.send(ChannelFrame::End { number }).await;
        }
        if over && unread {
            // The other side would go on sending.
            let text = "closed by the other side".to_owned();
            self.send(ChannelFrame::Abort { text }).await;
        }
        over
    }

    /// Sends the status, unless the connection to NATS takes no messages: it is sent again in a second.
    async fn send_status(&self) {
        let status = self.shared.lock().status();
        let _ = timeout(STATUS, self.publish(&status)).await;
    }

    async fn send(&self, frame: ChannelFrame) {
        // A message that is lost is noticed by its number.
        let _ = soon(self.publish(&frame)).await;
    }

    async fn publish(&self, frame: &ChannelFrame) {
        let sent = self.client.publish(self.subject.clone(), frame.encode());
        let _ = sent.await;
    }

    fn fail(&self, kind: io::ErrorKind, text: &str) {
        let wakers = self.shared.lock().fail(kind, text);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }
}

/// The halves' view of a task that has ended without a reason: its runtime was shut down.
impl Drop for ChannelTask {
    fn drop(&mut self) {
        self.fail(
            io::ErrorKind::NotConnected,
            "the task of the connection has ended",
        );
    }
}
