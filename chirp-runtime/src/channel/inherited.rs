//! Inherited descriptors, by their numbers.
//!
//! A number does not prove that nothing else in this process uses the descriptor, so taking ownership of the number
//! itself would not be sound. The kernel is asked for a duplicate instead (`pidfd_getfd`): an owned descriptor of
//! the same pipe or socket that no child inherits. The original number stays open.

use std::collections::BTreeSet;
use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::process;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::descriptor::{Descriptor, Socket, socket_of};
use super::single_use_listener::SingleUseListener;
use super::tcp::Tcp;
use super::unix::Unix;
use super::{Channel, Endpoint, Listener};
use crate::sync::Mutex;

/// The first descriptor that a service manager passes (`SD_LISTEN_FDS_START`).
const FIRST: i32 = 3;

/// The numbers that are in use as channels or listeners.
static TAKEN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Returns listeners on the sockets that the service manager passed to this process (systemd socket activation).
///
/// Returns an empty list if the environment (`LISTEN_FDS`, `LISTEN_PID`) does not name this process. Supports TCP
/// and Unix sockets, each of which can be taken once. Dropping a listener does not remove its socket file, which
/// belongs to the service manager.
///
/// # Errors
///
/// Returns [`AlreadyExists`](io::ErrorKind::AlreadyExists) if a socket has been taken before, and
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a descriptor that is not a listening stream socket.
///
/// # Panics
///
/// Panics outside a tokio runtime with I/O enabled.
pub fn from_socket_activation() -> io::Result<Vec<Box<dyn Listener>>> {
    let number = |name| env::var(name).ok()?.parse::<i32>().ok();
    let is_ours = number("LISTEN_PID") == i32::try_from(process::id()).ok();
    let many = number("LISTEN_FDS").filter(|_| is_ours).unwrap_or(0);
    (FIRST..FIRST.saturating_add(many))
        .map(|number| {
            take(&[number], || {
                listener(open(number)?)?.ok_or_else(|| unusable(number))
            })
        })
        .collect()
}

/// Opens a channel over the descriptors with these numbers.
pub(super) fn connect(read: i32, write: i32) -> io::Result<Channel> {
    take(&[read, write], || {
        if read == write {
            return open(read)?.into_channel();
        }
        let (reader, writer) = (open(read)?, open(write)?);
        Ok(Channel::new(reader.into_reader()?, writer.into_writer()?))
    })
}

/// Listens on the socket with this number. If the descriptors are a connected channel, returns a listener that
/// yields it once.
pub(super) fn listen(read: i32, write: i32) -> io::Result<Box<dyn Listener>> {
    if read == write
        && let Some(listener) = take_if(&[read], || listener(open(read)?))?
    {
        return Ok(listener);
    }
    let endpoint = Endpoint::Fd { read, write };
    Ok(Box::new(SingleUseListener::new(
        endpoint,
        connect(read, write)?,
    )))
}

/// Returns a listener if the descriptor is a listening socket, and `None` otherwise. The socket becomes nonblocking
/// for every process that shares it.
pub(super) fn listener(descriptor: Descriptor) -> io::Result<Option<Box<dyn Listener>>> {
    if !descriptor.listens()? {
        return Ok(None);
    }
    let Descriptor::Socket(socket) = descriptor else {
        return Ok(None);
    };
    Ok(Some(match socket_of(socket)? {
        Socket::Tcp(socket) => Box::new(Tcp::of_std(OwnedFd::from(socket).into())?),
        Socket::Unix(socket) => Box::new(Unix::of_std(OwnedFd::from(socket).into())?),
    }))
}

/// Runs `build` and marks the numbers as taken if it succeeds.
fn take<T>(numbers: &[i32], build: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let made = take_if(numbers, || build().map(Some))?;
    made.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Runs `build` and marks the numbers as taken if it returns a value. Returns an error if one of them is taken
/// already.
fn take_if<T>(
    numbers: &[i32],
    build: impl FnOnce() -> io::Result<Option<T>>,
) -> io::Result<Option<T>> {
    let mut taken = TAKEN.lock();
    if let Some(number) = numbers.iter().find(|number| taken.contains(number)) {
        let what = format!("descriptor {number} is already in use");
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    let made = build()?;
    if made.is_some() {
        taken.extend(numbers);
    }
    Ok(made)
}

fn open(number: i32) -> io::Result<Descriptor> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("descriptor {number}: {error}"));
    let ours = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|this| pidfd_getfd(this, number, PidfdGetfdFlags::empty()))
        .map_err(|error| named(error.into()))?;
    match Descriptor::of(ours).map_err(named)? {
        Descriptor::Other(_) => Err(unusable(number)),
        descriptor => Ok(descriptor),
    }
}

fn unusable(number: i32) -> io::Error {
    let what = format!("descriptor {number} is neither a pipe nor a suitable socket");
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
