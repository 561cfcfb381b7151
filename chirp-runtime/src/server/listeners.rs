use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::channel::{Endpoint, Incoming, Listener};
use crate::peer::guard;

/// The first pause after an accept that failed, and the longest.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Where a server's connections come from.
#[derive(Default)]
pub(super) struct Listeners {
    all: Vec<ListenerSlot>,
    /// Who is asked first, so that a busy one does not keep the others waiting.
    turn: usize,
}

/// A listener. While it is asked it is inside of what it answers with.
struct ListenerSlot {
    endpoint: Endpoint,
    accepting: Accepting,
    pause: Duration,
}

type Accepting = Pin<Box<dyn Future<Output = Accepted> + Send>>;
type Accepted = (Box<dyn Listener>, io::Result<Option<Incoming>>);

impl Listeners {
    pub(super) fn push(&mut self, listener: Box<dyn Listener>) {
        self.all.push(ListenerSlot {
            endpoint: listener.endpoint().clone(),
            accepting: accept(listener, Duration::ZERO),
            pause: PAUSE,
        });
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.all.iter().map(|listening| &listening.endpoint)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The next connection, or why one of the listeners has none; `None` once there are no listeners left, so that
    /// the accept loop sees that its last listener is exhausted. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Option<Result<Incoming, (Endpoint, io::Error)>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Incoming, (Endpoint, io::Error)>>> {
        let mut asked = 0;
        while asked < self.all.len() {
            let at = (self.turn + asked) % self.all.len();
            let listening = &mut self.all[at];
            let Poll::Ready((listener, next)) = listening.accepting.as_mut().poll(cx) else {
                asked += 1;
                continue;
            };
            self.turn = at + 1;
            let mut pause = Duration::ZERO;
            let next = match next {
                // It has nothing more to give, and goes.
                Ok(None) => {
                    let exhausted = self.all.remove(at);
                    guard::discard((listener, exhausted));
                    asked = 0;
                    continue;
                }
                Ok(Some(incoming)) => {
                    listening.pause = PAUSE;
                    Ok(incoming)
                }
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        pause = listening.pause;
                        listening.pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                    Err((listening.endpoint.clone(), error))
                }
            };
            listening.accepting = accept(listener, pause);
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
        // A listener that panics is asked again after a pause, as one that fails.
        let next = guard::run("a listener", listener.incoming()).await;
        let next = next.unwrap_or_else(|panicked| Err(panicked.into()));
        (listener, next)
    })
}

/// Whether an accept failed because of the one connection that it would have given.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Whether this process, or the whole system, may open no more files: `EMFILE` and `ENFILE`, which have the same
/// numbers wherever there are Unix sockets.
pub(super) fn is_for_want_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.endpoints()).finish()
    }
}
