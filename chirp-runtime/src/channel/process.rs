use std::fmt;
use std::io;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::sync::Notify;

use super::stderr_tail::StderrTail;
use super::thread::start_thread;
use super::{Channel, PipeEnds, child_guard, pipes};

/// The default time that a child has to exit after its channel has closed.
const GRACE: Duration = Duration::from_secs(2);

/// A child process at the other end of a channel.
///
/// The child and the channel end together. When the channel closes, the child has [two seconds](Self::set_grace) to
/// exit and is then killed. When the child exits, the channel ends, even if a grandchild still holds its end open.
/// The child is always reaped, even after the runtime has ended: a separate thread waits for it, and `SIGCHLD` is
/// not used.
///
/// The exit of this process does not wait for the child. To leave no child behind, await [`wait`](Self::wait)
/// before returning from `main`; otherwise a child that ignores the end of its input keeps running.
///
/// This type is a handle: clones refer to the same child, and dropping a handle has no effect.
#[derive(Clone)]
pub struct Child {
    shared: Arc<ChildShared>,
}

impl Child {
    /// Starts a child that communicates over its standard input and output, as with `channel::stdio`. Its standard
    /// error goes where the command says, by default to the standard error of this process.
    ///
    /// Use `into_std` to convert a `tokio::process::Command`.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system: [`NotFound`](io::ErrorKind::NotFound) if the program does not
    /// exist.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub fn spawn(mut command: Command) -> io::Result<(Channel, Self)> {
        let (channel, PipeEnds { read, write }) = pipes()?;
        command.stdin(read).stdout(write);
        Self::spawn_on(command, channel)
    }

    /// Starts a child that communicates over another channel. The command must pass the other end of `channel` to
    /// the child. See [`PipeEnds`] for pipes under numbers other than 0 and 1.
    ///
    /// The command is dropped, and with it this process's copies of the descriptors for the child.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time enabled.
    pub fn spawn_on(mut command: Command, channel: Channel) -> io::Result<(Channel, Self)> {
        let child = Self::begin(command.spawn()?)?;
        let channel = child_guard::attach(channel, Arc::clone(&child.shared), None);
        Ok((channel, child))
    }

    /// Starts a child without a handle. Errors of its channel report the exit status and the end of its standard
    /// error.
    pub(super) fn spawn_unattended(mut command: Command) -> io::Result<Channel> {
        let (channel, PipeEnds { read, write }) = pipes()?;
        command.stdin(read).stdout(write).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let stderr = process.stderr.take();
        let child = Self::begin(process)?;
        let tail = match stderr.map(StderrTail::of).transpose() {
            Ok(tail) => tail,
            Err(error) => {
                child.kill()?;
                return Err(error);
            }
        };
        Ok(child_guard::attach(channel, child.shared, tail))
    }

    /// Creates a handle from the shared state.
    pub(super) fn of(shared: Arc<ChildShared>) -> Self {
        Self { shared }
    }

    /// Starts the thread that reaps a process.
    fn begin(process: process::Child) -> io::Result<Self> {
        let shared = Arc::new(ChildShared {
            id: process.id(),
            state: Mutex::new(ChildState {
                process,
                grace: GRACE,
                exit: None,
                reader: None,
            }),
            exited: Condvar::new(),
            signal: Notify::new(),
        });
        let reaper = Arc::clone(&shared);
        if let Err(error) = start_thread("chirp-child", move || reaper.reap()) {
            let mut state = shared.lock();
            state.process.kill()?;
            state.process.wait()?;
            return Err(error);
        }
        Ok(Self { shared })
    }

    /// Returns the process ID. The system may reuse it after the child has exited.
    pub fn id(&self) -> u32 {
        self.shared.id
    }

    /// Sets the time that the child has to exit after its channel has closed, before it is killed. The default is
    /// two seconds; zero kills at once. Has no effect after the channel has closed.
    pub fn set_grace(&self, grace: Duration) {
        self.shared.lock().grace = grace;
    }

    /// Waits until the child has exited and been reaped. Does not end the child: close the channel for that. Any
    /// number of tasks may wait; the future is ready at once if the child has exited already.
    ///
    /// This method is cancel safe.
    ///
    /// # Errors
    ///
    /// Returns an error if other code in this process has reaped the child, so that its exit status is unknown.
    pub async fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            let told = self.shared.signal.notified();
            if let Some(exit) = self.shared.lock().exit.clone() {
                return exit.map_err(|error| io::Error::new(error.kind(), error));
            }
            told.await;
        }
    }

    /// Returns the exit status if the child has been reaped. Returns `None` while the child runs, or if the status
    /// is unknown.
    pub fn status(&self) -> Option<ExitStatus> {
        self.shared.lock().exit.clone()?.ok()
    }

    /// Kills the child. Has no effect if the child has exited already.
    ///
    /// # Errors
    ///
    /// Returns an error if this process may not kill the child, because the child has changed its user.
    pub fn kill(&self) -> io::Result<()> {
        self.shared.kill()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.shared.id)
            .field("status", &self.status())
            .finish()
    }
}

/// State shared by the handles, both halves of the channel and the thread that reaps.
pub(super) struct ChildShared {
    id: u32,
    state: Mutex<ChildState>,
    /// Wakes the thread that kills the child. `signal` wakes tasks.
    exited: Condvar,
    signal: Notify,
}

struct ChildState {
    /// Signalled and reaped only under the lock, so that no signal is sent to another process that has got the same
    /// ID.
    process: process::Child,
    grace: Duration,
    exit: Option<Result<ExitStatus, Arc<io::Error>>>,
    reader: Option<Waker>,
}

impl ChildShared {
    fn lock(&self) -> MutexGuard<'_, ChildState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until the process exits, and reaps it.
    fn reap(&self) {
        let pid = Pid::from_child(&self.lock().process);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // Any other error occurs again in `wait` below.
        while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        let reader = {
            let mut state = self.lock();
            state.exit = Some(state.process.wait().map_err(Arc::new));
            state.reader.take()
        };
        self.exited.notify_all();
        self.signal.notify_waiters();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Returns whether the process has exited. If not, registers `reader` to be woken when it does.
    pub(super) fn has_ended(&self, reader: Waker) -> bool {
        let mut state = self.lock();
        if state.exit.is_some() {
            return true;
        }
        let replaced = state.reader.replace(reader);
        drop(state);
        drop(replaced);
        false
    }

    /// Starts the time in which the process must exit. Does not block.
    pub(super) fn begin_to_end(self: Arc<Self>) {
        let state = self.lock();
        let (ended, grace) = (state.exit.is_some(), state.grace);
        drop(state);
        if ended {
            return;
        }
        let shared = Arc::clone(&self);
        let ending = || start_thread("chirp-child-end", move || shared.end());
        if grace.is_zero() || ending().is_err() {
            let _ = self.kill();
        }
    }

    fn kill(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.exit.is_some() {
            return Ok(());
        }
        state.process.kill()
    }

    /// Blocks until the process has exited or its time is up, and then kills it.
    fn end(&self) {
        let state = self.lock();
        let grace = state.grace;
        let ended = self
            .exited
            .wait_timeout_while(state, grace, |state| state.exit.is_none());
        drop(ended);
        // Nobody can be told about a process that may not be killed. It continues without a channel.
        let _ = self.kill();
    }
}
