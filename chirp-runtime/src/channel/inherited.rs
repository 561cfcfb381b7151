//! Descriptors that this process was started with, by their numbers.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::Channel;
use super::stdio::Stream;

/// The numbers that are channels already.
static TAKEN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A channel over descriptors by their numbers.
///
/// A number is not proof that nothing else in this process uses it, so that taking it over would not be safe.
/// It is asked of the kernel instead, as of another process: that gives a descriptor of our own for the same
/// pipe or socket, and leaves the number as it was. So when a channel over pipes closes, the other side sees
/// it no sooner than when this process ends; a socket is shut down, which is seen at once.
pub(super) fn open(read: i32, write: i32) -> io::Result<Channel> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    for number in [read, write] {
        if taken.contains(&number) {
            let what = format!("descriptor {number} is a channel already");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
    }
    let channel = if read == write {
        Stream::of(duplicate(read)?)?
            .ok_or_else(|| unusable(read))?
            .into_channel()?
    } else {
        let [read, write] = [read, write]
            .map(|number| Stream::of(duplicate(number)?)?.ok_or_else(|| unusable(number)));
        Channel::new(read?.into_reader()?, write?.into_writer()?)
    };
    taken.extend([read, write]);
    Ok(channel)
}

fn duplicate(number: i32) -> io::Result<OwnedFd> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    pidfd_getfd(this, number, PidfdGetfdFlags::empty()).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("descriptor {number}: {error}"))
    })
}

fn unusable(number: i32) -> io::Error {
    let what = format!("descriptor {number} is neither a pipe nor a socket");
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
