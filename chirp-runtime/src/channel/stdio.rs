use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use rustix::termios::{LocalModes, OutputModes, tcgetattr};

use super::descriptor::Descriptor;
use super::single_use_listener::SingleUseListener;
use super::{Channel, Endpoint, Listener};

/// How long a text for the other end of a terminal may take to be passed on.
const RELAYED: Duration = Duration::from_millis(250);

static TAKEN: AtomicBool = AtomicBool::new(false);

/// A channel over this process's standard input and output: how a child serves the parent that started it
/// with `channel::Child`, and how a program serves whatever connected its input and output.
///
/// The channel takes both for itself. From now on standard input is empty, and what this process or its
/// children print goes to standard error instead, so that a stray `println!` does no harm; and when the
/// channel closes the other side sees it at once, not when this process ends. Where standard error is the same
/// connection, as under inetd, what is printed there would be taken for packets: then it is discarded from now on.
/// Nothing may have read from standard input before.
///
/// Pipes and sockets are used without blocking any thread, and do not hold up the end of the process. Other
/// processes may have them, too, and find them in the mode in which they were. Files, devices, and pipes of another
/// user are read by a thread of their own, which does not hold up the end either, and are written to as
/// `tokio::fs::File` does it.
///
/// # Errors
///
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) when it was called before;
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a terminal that alters what passes it, and for a socket that
/// listens, which is served at the address `stdio:`; and what the operating system says. After an error nothing has
/// been taken, unless it was the redirection itself that failed.
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
pub fn stdio() -> io::Result<Channel> {
    take(|| {
        let input = input()?;
        if input.listens()? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "standard input is a socket that listens: serve it (`Server::builder().bind(\"stdio:\")`), or have \
                 each connection accepted by what starts this program",
            ));
        }
        channel(input)
    })
}

/// As [`stdio`], and where standard input is a socket that listens, what is accepted from it.
pub(super) fn listen() -> io::Result<Box<dyn Listener>> {
    take(|| {
        let input = input()?;
        if !input.listens()? {
            let listener = SingleUseListener::new(Endpoint::Stdio, channel(input)?);
            return Ok(Box::new(listener) as Box<dyn Listener>);
        }
        let listener = accept_from(input)?;
        let id = id(io::stdin().as_fd())?;
        // Where something else was made of standard output, it stays.
        let takes_output = self::id(io::stdout().as_fd())? == id;
        redirect([id, id], takes_output)?;
        Ok(listener)
    })
}

fn take<T>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "standard input and output are a channel already",
        ));
    }
    make().inspect_err(|_| TAKEN.store(false, Ordering::Release))
}

fn input() -> io::Result<Descriptor> {
    Descriptor::of(io::stdin().as_fd().try_clone_to_owned()?)
}

fn channel(input: Descriptor) -> io::Result<Channel> {
    refuse_terminal(&io::stdin(), "standard input")?;
    refuse_terminal(&io::stdout(), "standard output")?;
    let output = Descriptor::of(io::stdout().as_fd().try_clone_to_owned()?)?;
    let ids = [id(io::stdin().as_fd())?, id(io::stdout().as_fd())?];
    let channel = Channel {
        writer: output.into_writer()?,
        reader: input.into_reader()?,
        ..Channel::new(tokio::io::empty(), tokio::io::sink())
    };
    redirect(ids, true)?;
    Ok(channel)
}

/// Empties standard input, and keeps what is printed out of the channel, whose ends are known by `ids`.
fn redirect(ids: [Id; 2], takes_output: bool) -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    if ids.contains(&id(io::stderr().as_fd())?) {
        dup2_stderr(&nothing)?;
    }
    if takes_output {
        dup2_stdout(io::stderr())?;
    }
    Ok(())
}

type Id = (u64, u64);

/// What a descriptor leads to, whatever its number. Both ends of a pipe are one.
fn id(fd: BorrowedFd<'_>) -> io::Result<Id> {
    let file = File::from(fd.try_clone_to_owned()?).metadata()?;
    Ok((file.dev(), file.ino()))
}

/// A terminal echoes, changes bytes, and makes signals of some, unless it is in the raw mode of a serial line.
/// Whoever is at its other end does not see why this program ends, unless it is told there.
fn refuse_terminal(stream: &(impl IsTerminal + AsFd), name: &str) -> io::Result<()> {
    if !stream.is_terminal() {
        return Ok(());
    }
    let modes = tcgetattr(stream)?;
    let alters = modes
        .local_modes
        .intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
        || modes.output_modes.contains(OutputModes::OPOST);
    if !alters {
        return Ok(());
    }
    let what = format!(
        "{name} is a terminal, which alters the bytes that pass it: this address is for programs that start \
         this one, with no terminal in between (ssh without -t, socat without pty or with pty,rawer)"
    );
    if io::stdout().is_terminal() {
        // Whoever relays the terminal may drop what it has not passed on when this program fails, as socat does.
        let _ = writeln!(io::stdout(), "{what}");
        thread::sleep(RELAYED);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

#[cfg(target_os = "linux")]
fn accept_from(input: Descriptor) -> io::Result<Box<dyn Listener>> {
    super::inherited::listener(input)?.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(not(target_os = "linux"))]
fn accept_from(_: Descriptor) -> io::Result<Box<dyn Listener>> {
    let what = "standard input is a socket that listens, and that is served on Linux only";
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}
