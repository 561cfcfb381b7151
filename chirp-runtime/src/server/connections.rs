use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::channel::{Endpoint, Identity};
use crate::peer::{Peer, guard};
use crate::sync::Mutex;

/// A connection of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connection {
    /// The sequence number of the connection at this server, from 1.
    pub number: u64,
    /// The peer. A client created from it calls the other side.
    pub peer: Peer,
    /// The address: that of the other side over TCP, the path of this side over a Unix socket.
    pub endpoint: Option<Endpoint>,
    /// The verified identity of the other side.
    pub identity: Identity,
}

/// The active connections of one server.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: Mutex<RegistryEntries>,
}

#[derive(Debug, Default)]
struct RegistryEntries {
    /// The connections by their numbers, in order.
    active: VecDeque<(u64, Box<Connection>)>,
    accepted: u64,
    closed: bool,
    wakers: Vec<Waker>,
}

impl Registry {
    /// Returns the number of the next connection.
    pub(super) fn next_number(&self) -> u64 {
        let mut state = self.lock();
        state.accepted += 1;
        state.accepted
    }

    pub(super) fn insert(&self, connection: Connection) {
        let entry = (connection.number, Box::new(connection));
        self.update(|state| {
            let at = state.after(entry.0);
            state.active.insert(at, entry);
        });
    }

    pub(super) fn remove(&self, number: u64) {
        let mut state = self.lock();
        let removed = state.find(number).and_then(|at| state.active.remove(at));
        drop(state);
        drop(removed);
    }

    /// Ends the streams of connections.
    pub(super) fn close(&self) {
        self.update(|state| state.closed = true);
    }

    pub(super) fn get(&self, number: u64) -> Option<Connection> {
        let state = self.lock();
        let (_, connection) = &state.active[state.find(number)?];
        Some(Connection::clone(connection))
    }

    pub(super) fn len(&self) -> usize {
        self.lock().active.len()
    }

    pub(super) fn list(&self) -> Vec<Connection> {
        let state = self.lock();
        let active = state.active.iter();
        active.map(|(_, one)| Connection::clone(one)).collect()
    }

    /// Changes the entries, and wakes waiting tasks after releasing the lock.
    fn update(&self, change: impl FnOnce(&mut RegistryEntries)) {
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

impl RegistryEntries {
    /// Returns the index of the first connection with a number above this one.
    fn after(&self, number: u64) -> usize {
        self.active.partition_point(|(known, _)| *known <= number)
    }

    /// Returns the index of a connection.
    fn find(&self, number: u64) -> Option<usize> {
        let before = self.after(number).checked_sub(1)?;
        (self.active[before].0 == number).then_some(before)
    }
}

/// A stream of the connections of a server, in order of arrival. Use it as a `Stream` or call [`recv`](Self::recv).
///
/// The stream starts with the connections that are active when it is created, and ends with the server. A
/// connection that ends before it is received is skipped, so that a slow reader does not keep connections.
#[derive(Debug)]
pub struct Connections {
    registry: Arc<Registry>,
    seen: u64,
}

impl Connections {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry, seen: 0 }
    }

    /// Waits for the next connection. Returns `None` once the server has ended.
    ///
    /// This method is cancel safe.
    pub async fn recv(&mut self) -> Option<Connection> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Connection>> {
        let waker = cx.waker().clone();
        let mut state = self.registry.lock();
        if let Some((number, connection)) = state.active.get(state.after(self.seen)) {
            self.seen = *number;
            return Poll::Ready(Some(Connection::clone(connection)));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        // Keep one waker per waiting stream, however often it is polled.
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
