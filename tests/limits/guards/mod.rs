//! A panic in user code fails only the operation that called it. One test for each kind of user code; the table
//! "Guards" in ARCHITECTURE.md lists them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod clients;
mod connections;
mod handlers;
mod nodes;
mod propagators;
mod servers;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::echo;
use chirp::channel::memory;
use chirp::packet::FrameworkError;
use chirp::{CallError, Peer, PeerBuilder};

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

/// Two peers over memory.
fn pair(calls: &PeerBuilder, serves: &PeerBuilder) -> (Peer, Peer) {
    let (a, b) = memory();
    (calls.start(a).unwrap(), serves.start(b).unwrap())
}

/// A peer over memory and the peer that it calls, which also serves `echo`.
fn calling(serves: PeerBuilder) -> (Peer, Peer) {
    pair(&PeerBuilder::new(), &serves.handle("echo", echo))
}

async fn is_alive(peer: &Peer) {
    assert_eq!(soon(peer.call("echo", "alive")).await.unwrap(), "alive");
}

fn has_panicked<T: std::fmt::Debug>(answer: Result<T, CallError>) {
    let error = answer.unwrap_err();
    let panicked = matches!(
        error,
        CallError::Rejected {
            reason: FrameworkError::Panicked { .. },
            ..
        }
    );
    assert!(panicked, "{error}");
}

/// A value whose drop panics.
#[derive(Debug)]
struct Mine(Arc<AtomicUsize>);

impl Drop for Mine {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("on drop");
    }
}

/// Whether something has happened before.
#[derive(Clone, Default)]
struct Once(Arc<AtomicBool>);

impl Once {
    fn panic(&self, text: &str) {
        assert!(self.0.swap(true, Ordering::Relaxed), "{text}");
    }
}
