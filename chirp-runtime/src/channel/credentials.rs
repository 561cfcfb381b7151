use tokio::net::unix::UCred;

/// Who is at the other end of a Unix socket, in the words of the operating system.
///
/// It is who connected, or listened, when that happened: a process may have changed its user since, or
/// handed the socket to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// The process, where the system tells. It may have ended, and its number may belong to another now:
    /// decide by `uid` and `gid`, and use this for the log.
    pub pid: Option<i32>,
}

impl From<UCred> for Credentials {
    fn from(cred: UCred) -> Self {
        Self {
            uid: cred.uid(),
            gid: cred.gid(),
            // A process that this one cannot see has none.
            pid: cred.pid().filter(|&pid| pid > 0),
        }
    }
}
