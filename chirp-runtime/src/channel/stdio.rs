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

/// Time to let a message pass through a terminal before this process exits.
const RELAYED: Duration = Duration::from_millis(250);

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Opens a channel over the standard input and output of this process: for a child that serves the parent that
/// started it with `channel::Child`, and for a program whose input and output were connected by another program.
///
/// The channel takes over both descriptors. Standard input becomes empty, and standard output is redirected to
/// standard error, for this process and its children, so that a stray `println!` cannot corrupt packets. When the
/// channel closes, the other side notices at once. If standard error is the same connection, as under inetd, it is
/// redirected to `/dev/null`. Nothing may have been read from standard input before.
///
/// Pipes and sockets are used without blocking a thread and do not delay the exit of the process. Their nonblocking
/// mode, which other processes may share, is left unchanged. Files, devices, and pipes of another user are read by
/// a separate thread, which does not delay the exit either, and are written through `tokio::fs::File`.
///
/// # Errors
///
/// Returns [`AlreadyExists`](io::ErrorKind::AlreadyExists) if standard input and output are in use as a channel;
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a terminal that alters bytes, and for a listening socket,
/// which must be served at the address `stdio:` instead; and the error of the operating system. After an error
/// nothing has been taken over, unless the redirection itself failed.
///
/// # Panics
///
/// Panics outside a tokio runtime with I/O enabled.
pub fn stdio() -> io::Result<Channel> {
    take(|| {
        let input = input()?;
        if input.listens()? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "standard input is a listening socket: serve it with `Server::builder().bind(\"stdio:\")`, or let the \
                 program that starts this one accept each connection",
            ));
        }
        channel(input)
    })
}

/// Listens on standard input and output. If standard input is a listening socket, accepts from it; otherwise yields
/// one channel.
pub(super) fn listen() -> io::Result<Box<dyn Listener>> {
    take(|| {
        let input = input()?;
        if !input.listens()? {
            let listener = SingleUseListener::new(Endpoint::Stdio, channel(input)?);
            return Ok(Box::new(listener) as Box<dyn Listener>);
        }
        let listener = accept_from(input)?;
        let id = id(io::stdin().as_fd())?;
        // Standard output stays unchanged if it is not the same socket.
        let takes_output = self::id(io::stdout().as_fd())? == id;
        redirect([id, id], takes_output)?;
        Ok(listener)
    })
}

fn take<T>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "standard input and output are already in use as a channel",
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

/// Makes standard input empty and redirects standard output and, if necessary, standard error away from the
/// channel, whose ends are identified by `ids`.
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

/// Identifies the file behind a descriptor. Both ends of a pipe have the same ID.
fn id(fd: BorrowedFd<'_>) -> io::Result<Id> {
    let file = File::from(fd.try_clone_to_owned()?).metadata()?;
    Ok((file.dev(), file.ino()))
}

/// Returns an error for a terminal that echoes, changes bytes or turns bytes into signals, that is, one that is not
/// in raw mode. The message is also printed to the terminal, since its other end would not learn why this program
/// exits.
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
        "{name} is a terminal, which alters bytes: start this program from another one without a terminal in \
         between (ssh without -t, socat without pty or with pty,rawer)"
    );
    if io::stdout().is_terminal() {
        // The program that relays the terminal, such as socat, may discard pending output when this program fails.
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
    let what = "standard input is a listening socket, which is supported on Linux only";
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}
