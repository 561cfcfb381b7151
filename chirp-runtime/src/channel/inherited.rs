//! Descriptors that this process was started with, by their numbers.
//!
//! A number is no proof that nothing else in this process uses what it stands for, so that taking it over would
//! not be safe. The kernel is asked for it instead, as one asks for a descriptor of another process. That gives
//! one of our own for the same pipe or socket, which no child inherits, and leaves the number as it was.

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

/// The first of the descriptors that a service manager hands over.
const FIRST: i32 = 3;

/// The numbers that are channels or listeners already.
static TAKEN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Listeners on the sockets that this process was started with: systemd's socket activation.
///
/// There are none when the environment does not speak of this process (`LISTEN_FDS`, `LISTEN_PID`). TCP and
/// Unix sockets are taken, each once. Their files and ports stay when the listeners are dropped: they belong to
/// who made them.
///
/// # Errors
///
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) when they were taken before, and
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for what is no such socket.
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
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

/// A channel over descriptors by their numbers.
pub(super) fn connect(read: i32, write: i32) -> io::Result<Channel> {
    take(&[read, write], || {
        if read == write {
            return open(read)?.into_channel();
        }
        let (reader, writer) = (open(read)?, open(write)?);
        Ok(Channel::new(reader.into_reader()?, writer.into_writer()?))
    })
}

/// A socket that listens, by its number, or else what gives the one channel that there is.
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

/// Nothing if it is no socket that listens. One that does becomes nonblocking for everybody who has it.
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

/// Makes something of descriptors that nothing was made of before.
fn take<T>(numbers: &[i32], build: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let made = take_if(numbers, || build().map(Some))?;
    made.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn take_if<T>(
    numbers: &[i32],
    build: impl FnOnce() -> io::Result<Option<T>>,
) -> io::Result<Option<T>> {
    let mut taken = TAKEN.lock();
    if let Some(number) = numbers.iter().find(|number| taken.contains(number)) {
        let what = format!("descriptor {number} is in use already");
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
    let what = format!("descriptor {number} is no pipe and no socket that fits");
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
