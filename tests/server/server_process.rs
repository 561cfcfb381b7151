//! A server in a process of its own: this test program, which runs one of its tests.
#![cfg(feature = "process")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::env;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// In the process of a server: the address to listen on.
pub(crate) const ADDRESS: &str = "CHIRP_TEST_ADDRESS";
/// In the process of a server: the file that records its calls.
pub(crate) const LEDGER: &str = "CHIRP_TEST_LEDGER";

/// The process of a server, which is killed with SIGKILL on drop.
pub(crate) struct ServerProcess(Child);

impl ServerProcess {
    /// Starts this test of this program, which serves if it finds [`ADDRESS`].
    pub(crate) fn start(test: &str, address: &str, ledger: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test]);
        command.env(ADDRESS, address).env(LEDGER, ledger);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Asks the process to end in order.
    pub(crate) fn terminate(&self) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until the process has ended in order.
    pub(crate) async fn ended(mut self) {
        let waited = tokio::task::spawn_blocking(move || self.0.wait().unwrap());
        let status = tokio::time::timeout(Duration::from_mins(2), waited);
        let status = status.await.unwrap().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
