//! Addresses that need the feature `process`.

use std::io;

use crate::channel::{Channel, Listener};

#[cfg(feature = "process")]
pub(super) fn exec(program: &str, args: &[String]) -> io::Result<Channel> {
    let mut command = std::process::Command::new(program);
    command.args(args);
    // Nobody holds a handle of this child: it ends with the channel.
    crate::channel::Child::spawn_unattended(command)
}

#[cfg(feature = "process")]
pub(super) fn stdio() -> io::Result<Channel> {
    crate::channel::stdio()
}

#[cfg(feature = "process")]
pub(super) fn listen_stdio() -> io::Result<Box<dyn Listener>> {
    crate::channel::stdio::listen()
}

#[cfg(all(feature = "process", target_os = "linux"))]
pub(super) fn inherited(read: i32, write: i32) -> io::Result<Channel> {
    crate::channel::inherited::connect(read, write)
}

#[cfg(all(feature = "process", target_os = "linux"))]
pub(super) fn listen_inherited(read: i32, write: i32) -> io::Result<Box<dyn Listener>> {
    crate::channel::inherited::listen(read, write)
}

#[cfg(not(feature = "process"))]
pub(super) fn exec(_: &str, _: &[String]) -> io::Result<Channel> {
    Err(missing())
}

#[cfg(not(feature = "process"))]
pub(super) fn stdio() -> io::Result<Channel> {
    Err(missing())
}

#[cfg(not(feature = "process"))]
pub(super) fn listen_stdio() -> io::Result<Box<dyn Listener>> {
    Err(missing())
}

#[cfg(not(all(feature = "process", target_os = "linux")))]
pub(super) fn inherited(_: i32, _: i32) -> io::Result<Channel> {
    Err(missing())
}

#[cfg(not(all(feature = "process", target_os = "linux")))]
pub(super) fn listen_inherited(_: i32, _: i32) -> io::Result<Box<dyn Listener>> {
    Err(missing())
}

#[cfg(not(all(feature = "process", target_os = "linux")))]
fn missing() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "not supported: this address needs the feature `process` of the crate chirp, and fd: needs Linux",
    )
}
