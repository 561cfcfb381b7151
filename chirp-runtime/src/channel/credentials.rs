use tokio::net::unix::UCred;

/// The user, group and process at the other end of a Unix socket, as reported by the operating system.
///
/// The values are those at the time of `connect` or `listen`: the process may have changed its user since, or
/// passed the socket to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The effective user ID.
    pub uid: u32,
    /// The effective group ID.
    pub gid: u32,
    /// The process ID, if the system reports one. The process may have exited, and its ID may have been reused:
    /// decide by `uid` and `gid`, and use `pid` for logs only.
    pub pid: Option<i32>,
}

impl From<UCred> for Credentials {
    fn from(cred: UCred) -> Self {
        Self {
            uid: cred.uid(),
            gid: cred.gid(),
            // The kernel reports 0 for a process outside this PID namespace.
            pid: cred.pid().filter(|&pid| pid > 0),
        }
    }
}
