use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::channel::{Endpoint, Incoming, Listener};
use crate::peer::guard;

/// The first and the longest pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The listeners of a server.
#[derive(Default)]
pub(crate) struct Listeners {
    all: Vec<ListenerSlot>,
    /// The listener that is polled first, rotated so that a busy one does not starve the others.
    turn: usize,
}

/// A listener with its pending accept, whose future owns the listener.
struct ListenerSlot {
    endpoint: Endpoint,
    accepting: Accepting,
    pause: Duration,
}

type Accepting = Pin<Box<dyn Future<Output = Accepted> + Send>>;
type Accepted = (Box<dyn Listener>, io::Result<Option<Incoming>>);

impl Listeners {
    pub(crate) fn push(&mut self, listener: Box<dyn Listener>) {
        self.all.push(ListenerSlot {
            endpoint: listener.endpoint().clone(),
            accepting: accept(listener, Duration::ZERO),
            pause: PAUSE,
        });
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.all.iter().map(|slot| &slot.endpoint)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Waits for the next connection or error of any listener. Returns `None` once there are no listeners left, so
    /// that the accept loop sees that its last listener is exhausted. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Incoming, (Endpoint, io::Error)>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Incoming, (Endpoint, io::Error)>>> {
        let mut polled = 0;
        while polled < self.all.len() {
            let at = (self.turn + polled) % self.all.len();
            let slot = &mut self.all[at];
            let Poll::Ready((listener, next)) = slot.accepting.as_mut().poll(cx) else {
                polled += 1;
                continue;
            };
            self.turn = at + 1;
            let mut pause = Duration::ZERO;
            let next = match next {
                // This listener is exhausted.
                Ok(None) => {
                    let exhausted = self.all.remove(at);
                    guard::discard((listener, exhausted));
                    polled = 0;
                    continue;
                }
                Ok(Some(incoming)) => {
                    slot.pause = PAUSE;
                    Ok(incoming)
                }
                Err(error) => {
                    if !is_connection_error(&error) {
                        pause = slot.pause;
                        slot.pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                    Err((slot.endpoint.clone(), error))
                }
            };
            slot.accepting = accept(listener, pause);
            return Poll::Ready(Some(next));
        }
        if self.all.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

fn accept(mut listener: Box<dyn Listener>, pause: Duration) -> Accepting {
    Box::pin(async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        // A listener that panics is polled again after a pause, like one that fails.
        let next = guard::run("a listener", listener.incoming()).await;
        let next = next.unwrap_or_else(|panicked| Err(panicked.into()));
        (listener, next)
    })
}

/// Returns whether an accept failed because of one connection, not because of the listener.
fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.endpoints()).finish()
    }
}
