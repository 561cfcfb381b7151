//! The calls of a client, and what they must keep.

use std::time::Duration;

use bytes::Bytes;
use chirp::{AsCaller, CallError, RetryPolicy};
use tokio::time::{Instant, sleep, timeout};

use super::ledger::{Ledger, Promise, WorkClient, result_of};
use super::rng::Rng;

/// No call takes longer, whatever happens to its connection: the time to notice that it is dead, the time to wait for
/// another, and some for the work.
const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// A client, which makes one call after the other.
pub(crate) struct Caller<C> {
    pub(crate) peer: C,
    pub(crate) ledger: Ledger,
    pub(crate) rng: Rng,
    /// Whether servers only restart in order, so that every call succeeds.
    pub(crate) is_calm: bool,
}

impl<C: AsCaller> Caller<C> {
    pub(crate) async fn work(mut self, calls: usize) {
        for _ in 0..calls {
            let begin = Instant::now();
            let bound = self.call().await;
            let took = begin.elapsed();
            assert!(took <= bound, "a call took {took:?}, bound {bound:?}");
            if self.rng.percent(50) {
                sleep(self.rng.millis(0, 300)).await;
            }
        }
    }

    /// Makes a call, and returns the longest time that it may have taken.
    async fn call(&mut self) -> Duration {
        let id = self.ledger.next_id();
        let client = WorkClient::new(&self.peer);
        let work = if self.rng.percent(50) {
            0
        } else {
            self.rng.below(400)
        };
        match self.rng.below(if self.is_calm { 6 } else { 8 }) {
            0 => {
                let outcome = client.once(id, work).await;
                self.note(id, outcome.as_ref().err(), false);
                assert!(outcome.is_err() || outcome.is_ok_and(|result| result == result_of(id)));
                LONGEST_WAIT
            }
            1 => {
                let policy = RetryPolicy::new().attempts(4);
                let outcome = client.again(id, work).retry(&policy).await;
                self.note(id, outcome.as_ref().err(), true);
                assert!(outcome.is_err() || outcome.is_ok_and(|result| result == result_of(id)));
                4 * LONGEST_WAIT
            }
            2 => {
                let length = usize::try_from(self.rng.below(60_000)).expect("few");
                let data = Bytes::from(vec![id.to_le_bytes()[0]; length]);
                let outcome = client.echo(id, data.clone()).await;
                self.note(id, outcome.as_ref().err(), false);
                assert!(outcome.is_err() || outcome.is_ok_and(|echoed| echoed == data));
                LONGEST_WAIT
            }
            3 => {
                self.count(
                    id,
                    u32::try_from(self.rng.clone().below(2000)).expect("few"),
                )
                .await;
                2 * LONGEST_WAIT
            }
            4 => {
                let (mut sender, receiver) = chirp::stream::channel();
                let count = u32::try_from(self.rng.below(200)).expect("few");
                let send = async move {
                    for number in 0..count {
                        if sender.send(number).await.is_err() {
                            return;
                        }
                    }
                    sender.finish();
                };
                let (outcome, ()) = tokio::join!(client.total(id, receiver), send);
                self.note(id, outcome.as_ref().err(), false);
                2 * LONGEST_WAIT
            }
            5 => {
                // More than may be pending.
                for _ in 0..self.rng.below(30) {
                    let id = self.ledger.next_id();
                    let sent = client.note(id).await;
                    match sent {
                        // A one-way call that has been sent is lost with its connection.
                        Ok(()) if !self.is_calm => self
                            .ledger
                            .promise(id, Promise::Unknown { idempotent: false }),
                        sent => self.note(id, sent.err().as_ref(), false),
                    }
                }
                30 * LONGEST_WAIT
            }
            6 => {
                let limit = self.rng.millis(1, 3000);
                let outcome = client.once(id, work).timeout(limit).await;
                self.note(id, outcome.as_ref().err(), false);
                limit + Duration::from_millis(2)
            }
            _ => {
                // The call is dropped, which cancels it.
                let outcome = timeout(self.rng.millis(0, 500), client.once(id, work)).await;
                match outcome {
                    Ok(outcome) => self.note(id, outcome.err().as_ref(), false),
                    Err(_) => self
                        .ledger
                        .promise(id, Promise::Unknown { idempotent: false }),
                }
                Duration::from_millis(502)
            }
        }
    }

    /// A stream ends after its last item, or with an error: no item is missing, doubled or out of order.
    async fn count(&mut self, id: u64, to: u32) {
        let client = WorkClient::new(&self.peer);
        let mut items = match client.count(id, to).await {
            Ok(items) => items,
            Err(error) => return self.note(id, Some(&error), false),
        };
        let mut next = 0;
        loop {
            match items.recv().await {
                Some(Ok(item)) => {
                    assert_eq!(item, next, "item of call {id}");
                    next += 1;
                }
                Some(Err(error)) => {
                    assert!(!self.is_calm, "the stream of call {id}: {error}");
                    return self
                        .ledger
                        .promise(id, Promise::Unknown { idempotent: false });
                }
                None => break,
            }
        }
        assert_eq!(next, to, "the stream of call {id} ended early");
        self.note(id, None, false);
    }

    fn note(&self, id: u64, error: Option<&CallError>, idempotent: bool) {
        let promise = match error {
            None => Promise::Ran { idempotent },
            Some(error) => {
                // One-way calls of others may have all ids.
                let is_allowed = !self.is_calm || matches!(error, CallError::TooManyPending { .. });
                assert!(
                    is_allowed,
                    "call {id} failed although servers shut down in order: {error}"
                );
                if error.may_have_run() {
                    Promise::Unknown { idempotent }
                } else {
                    Promise::NotRun
                }
            }
        };
        self.ledger.promise(id, promise);
    }
}
