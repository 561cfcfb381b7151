use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::channel::{Endpoint, Identity};
use crate::peer::{Peer, guard};
use crate::sync::Mutex;

/// A connection that a server has accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connection {
    /// Counts the server's connections, from 1.
    pub number: u64,
    /// The other side. A client made from it calls the program that connected.
    pub peer: Peer,
    /// Where it comes from: the other side's address over TCP, this side's path over a Unix socket.
    pub endpoint: Option<Endpoint>,
    /// Who it is, as far as the channel has made sure of it.
    pub identity: Identity,
}

/// The connections of one server: those that are alive.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: Mutex<RegistryEntries>,
}

#[derive(Debug, Default)]
struct RegistryEntries {
    live: BTreeMap<u64, Connection>,
    accepted: u64,
    closed: bool,
    wakers: Vec<Waker>,
}

impl Registry {
    /// The number of the next connection.
    pub(super) fn next_number(&self) -> u64 {
        let mut state = self.lock();
        state.accepted += 1;
        state.accepted
    }

    pub(super) fn insert(&self, connection: Connection) {
        self.tell(|state| drop(state.live.insert(connection.number, connection)));
    }

    pub(super) fn remove(&self, number: u64) {
        let removed = self.lock().live.remove(&number);
        drop(removed);
    }

    /// There will be no more.
    pub(super) fn close(&self) {
        self.tell(|state| state.closed = true);
    }

    pub(super) fn get(&self, number: u64) -> Option<Connection> {
        self.lock().live.get(&number).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().live.len()
    }

    pub(super) fn list(&self) -> Vec<Connection> {
        self.lock().live.values().cloned().collect()
    }

    /// Changes something, and tells those who wait once the lock is free.
    fn tell(&self, change: impl FnOnce(&mut RegistryEntries)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(guard::wake);
    }

    fn lock(&self) -> MutexGuard<'_, RegistryEntries> {
        self.state.lock()
    }
}

/// The connections that a server accepts, in order, as they come: a `Stream`, or [`recv`](Self::recv).
///
/// It begins with those that are alive when it is made. One that has ended before it was looked at is
/// skipped, so that a slow reader keeps nothing. It ends with the server.
#[derive(Debug)]
pub struct Connections {
    registry: Arc<Registry>,
    seen: u64,
}

impl Connections {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry, seen: 0 }
    }

    /// The next connection; nothing once the server has ended. Safe to drop.
    pub async fn recv(&mut self) -> Option<Connection> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Connection>> {
        let waker = cx.waker().clone();
        let mut state = self.registry.lock();
        if let Some((&number, connection)) = state.live.range(self.seen + 1..).next() {
            self.seen = number;
            return Poll::Ready(Some(connection.clone()));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        // One waker for each stream that waits; a stream that is polled again does not add to them.
        if !state.wakers.iter().any(|known| known.will_wake(&waker)) {
            state.wakers.push(waker);
        }
        Poll::Pending
    }
}

impl Stream for Connections {
    type Item = Connection;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Connection>> {
        self.poll_recv(cx)
    }
}
