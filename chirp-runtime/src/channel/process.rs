use std::fmt;
use std::io;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::sync::Notify;

use super::stderr_tail::StderrTail;
use super::{Channel, PipeEnds, child_guard, pipes};

/// How long a child may take to leave by itself once its channel has closed.
const GRACE: Duration = Duration::from_secs(2);

/// A child process at the other end of a channel.
///
/// Child and channel end together. When the channel closes, because its peer has ended or because it was
/// dropped, the child has [two seconds](Self::set_grace) to leave by itself, and then is killed. When the
/// child ends, so does the channel, even if a process that the child has started still holds its end. In
/// every case the child is reaped, the runtime's end included: a thread of its own waits for it, and
/// nobody's `SIGCHLD` is touched.
///
/// Only the end of this process is not waited for. A program that must leave no child behind awaits
/// [`wait`](Self::wait) before it returns from `main`; otherwise its children find their input closed, and
/// nobody is left to kill one that does not care.
///
/// This is a handle: cloning it gives another, and dropping it does nothing.
#[derive(Clone)]
pub struct Child {
    life: Arc<ChildShared>,
}

impl Child {
    /// Starts a child that speaks over its standard input and output, as it does with `channel::stdio`.
    /// Its standard error is what the command says, this process's own by default.
    ///
    /// A `tokio::process::Command` becomes one of these with `into_std`.
    ///
    /// # Errors
    ///
    /// Why it could not be started: [`NotFound`](io::ErrorKind::NotFound) when there is no such program.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub fn spawn(mut command: Command) -> io::Result<(Channel, Self)> {
        let (channel, PipeEnds { read, write }) = pipes()?;
        command.stdin(read).stdout(write);
        Self::spawn_on(command, channel)
    }

    /// Starts a child that speaks over something else: the command says how the child comes to the other
    /// end of `channel`. See [`PipeEnds`] for pipes under other numbers than 0 and 1.
    ///
    /// The command is dropped, and with it this process's copies of what it gives to the child.
    ///
    /// # Errors
    ///
    /// Why it could not be started.
    pub fn spawn_on(mut command: Command, channel: Channel) -> io::Result<(Channel, Self)> {
        let child = Self::begin(command.spawn()?)?;
        let channel = child_guard::put_on(channel, Arc::clone(&child.life), None);
        Ok((channel, child))
    }

    /// Starts a child that nobody has a handle of: the errors of its channel say how it ended, and what it printed.
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
        Ok(child_guard::put_on(channel, child.life, tail))
    }

    /// A handle of a child that is known by what its handles share.
    pub(super) fn of(life: Arc<ChildShared>) -> Self {
        Self { life }
    }

    /// Begins to wait for a process.
    fn begin(process: process::Child) -> io::Result<Self> {
        let life = Arc::new(ChildShared {
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
        let shared = Arc::clone(&life);
        let waiting = thread::Builder::new()
            .name("chirp-child".into())
            .spawn(move || shared.reap());
        if let Err(error) = waiting {
            let mut state = life.lock();
            state.process.kill()?;
            state.process.wait()?;
            return Err(error);
        }
        Ok(Self { life })
    }

    /// The number of the process. Once it has ended another may have the same.
    pub fn id(&self) -> u32 {
        self.life.id
    }

    /// How long the child may take to leave by itself, from the end of its channel on, before it is killed.
    /// Two seconds unless it is set; no time at all kills it at once. What is set after the channel has
    /// closed comes too late.
    pub fn set_grace(&self, grace: Duration) {
        self.life.lock().grace = grace;
    }

    /// Waits until the child has ended and been reaped. Any number of tasks may wait, and one that comes
    /// late is told at once. Safe to drop. It does not end the child: closing the channel does.
    ///
    /// # Errors
    ///
    /// When something else in this process has reaped the child, so that nobody knows how it ended.
    pub async fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            let told = self.life.signal.notified();
            if let Some(exit) = self.life.lock().exit.clone() {
                return exit.map_err(|error| io::Error::new(error.kind(), error));
            }
            told.await;
        }
    }

    /// How the child ended, if it has been reaped; nothing while it runs, or when nobody knows.
    pub fn status(&self) -> Option<ExitStatus> {
        self.life.lock().exit.clone()?.ok()
    }

    /// Kills the child, now. It is well if it has ended already.
    ///
    /// # Errors
    ///
    /// When it may not be killed, because it has become another user's.
    pub fn kill(&self) -> io::Result<()> {
        self.life.kill()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.life.id)
            .field("status", &self.status())
            .finish()
    }
}

/// What the handles, the channel's halves and the thread that reaps share.
pub(super) struct ChildShared {
    id: u32,
    state: Mutex<ChildState>,
    /// The thread that kills is told here, and whoever waits in a task by `signal`.
    exited: Condvar,
    signal: Notify,
}

struct ChildState {
    /// Signalled and reaped only under the lock, so that no signal goes to a process that has got the
    /// same number.
    process: process::Child,
    grace: Duration,
    exit: Option<Result<ExitStatus, Arc<io::Error>>>,
    reader: Option<Waker>,
}

impl ChildShared {
    fn lock(&self) -> MutexGuard<'_, ChildState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of the process, blocking, and reaps it.
    fn reap(&self) {
        let pid = Pid::from_child(&self.lock().process);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // Whatever else this could say, the other wait says again.
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

    /// Whether the process has ended. If not, `reader` is woken when it does.
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

    /// The channel has closed: from here on the process has its time. Does not wait.
    pub(super) fn begin_to_end(self: Arc<Self>) {
        let state = self.lock();
        let (ended, grace) = (state.exit.is_some(), state.grace);
        drop(state);
        if ended {
            return;
        }
        let life = Arc::clone(&self);
        let ending = || {
            thread::Builder::new()
                .name("chirp-child-end".into())
                .spawn(move || life.end())
        };
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

    /// Gives the process its time, blocking, and kills it.
    fn end(&self) {
        let state = self.lock();
        let grace = state.grace;
        let ended = self
            .exited
            .wait_timeout_while(state, grace, |state| state.exit.is_none());
        drop(ended);
        // A process that may not be killed goes on without a channel; nobody is left to be told.
        let _ = self.kill();
    }
}
