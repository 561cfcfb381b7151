use std::fmt;
use std::io::{self, Read, Write};
use std::process::ChildStderr;
use std::sync::Arc;

use super::thread::start_thread;
use crate::sync::Mutex;
use tokio::sync::Notify;

/// The number of bytes that are kept.
const KEPT: usize = 1 << 10;

/// The last bytes that a child process has written to its standard error. Everything is also copied to the standard
/// error of this process.
#[derive(Default)]
pub(super) struct StderrTail {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Whether earlier bytes were discarded.
    cut: bool,
    ended: bool,
}

impl StderrTail {
    /// Starts a thread that reads until the last process has closed the other end.
    pub(super) fn of(mut stderr: ChildStderr) -> io::Result<Arc<Self>> {
        let tail = Arc::new(Self::default());
        let shared = Arc::clone(&tail);
        start_thread("chirp-child-stderr", move || shared.read(&mut stderr))?;
        Ok(tail)
    }

    fn read(&self, from: &mut impl Read) {
        let mut buffer = [0; 4096];
        loop {
            match from.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(bytes) => {
                    self.keep(&buffer[..bytes]);
                    // A failed write has no reader who could be told.
                    let _ = io::stderr().write_all(&buffer[..bytes]);
                }
            }
        }
        self.state().ended = true;
        self.ended.notify_waiters();
    }

    fn keep(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.bytes.extend_from_slice(bytes);
        let over = state.bytes.len().saturating_sub(KEPT);
        state.bytes.drain(..over);
        state.cut |= over > 0;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Waits until every process has closed the other end. Cancel safe.
    pub(super) async fn ended(&self) {
        loop {
            let told = self.ended.notified();
            if self.state().ended {
                return;
            }
            told.await;
        }
    }
}

impl fmt::Display for StderrTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let text = String::from_utf8_lossy(&state.bytes);
        let text = match text.split_once('\n') {
            // The first line is incomplete.
            Some((_, lines)) if state.cut && !lines.trim().is_empty() => lines,
            _ => &text,
        };
        let text = text.trim();
        if text.is_empty() {
            return f.write_str("printed nothing to standard error");
        }
        f.write_str("standard error ends with `")?;
        for c in text.chars() {
            match c {
                '\n' => f.write_str("\n")?,
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("`")
    }
}
