//! A server in a process of its own, seen from the client.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::net::UnixStream;

use crate::link::Either;
use crate::serving::ARGUMENT;
use crate::system::{Result, System};
use crate::usage::Usage;

/// A process that serves one system on a Unix socket: this program, started again with a hidden argument. Dropping it
/// ends the process.
pub struct ServerProcess {
    child: Child,
    control: Mutex<Control>,
    socket: PathBuf,
}

/// Both ends of the process's standard input and output.
struct Control {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts a server with this many worker threads, and waits until clients can connect.
    pub fn start<T: System>(workers: usize) -> Result<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("chirp-bench-{}-{number}.socket", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .arg(T::NAME)
            .arg(&socket)
            .arg(workers.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("the server has no input")?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let control = Mutex::new(Control {
            input,
            output: BufReader::new(output),
        });
        let server = Self {
            child,
            control,
            socket,
        };
        server
            .lock()
            .read()
            .map_err(|error| format!("{} does not serve: {error}", T::NAME))?;
        Ok(server)
    }

    /// Connects a client.
    pub async fn connect<T: System>(&self) -> Result<T::Client> {
        let stream = UnixStream::connect(&self.socket).await?;
        T::client(Either::Unix(stream)).await
    }

    /// Returns what the process has used so far.
    pub fn usage(&self) -> Result<Usage> {
        let mut control = self.lock();
        control.input.write_all(b"usage\n")?;
        Ok(serde_json::from_str(&control.read()?)?)
    }

    fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    fn read(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the process has ended".into());
        }
        Ok(line)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Failures mean that it has ended before, or that it has removed its socket.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}
