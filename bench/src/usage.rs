//! CPU time, memory and descriptors of a process.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::system::Result;

/// Descriptors that a process needs besides its connections, with a margin.
const OTHER_DESCRIPTORS: u64 = 64;

/// The resources that a process has used so far.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time of all threads.
    pub cpu: Duration,
    /// Allocated bytes of heap memory, or 0 in a program that does not count them.
    pub heap: u64,
    /// Bytes of resident memory.
    pub resident: u64,
}

impl Usage {
    /// Returns what this process has used. `heap` returns its heap memory.
    pub fn of_this_process(heap: impl FnOnce() -> u64) -> Result<Self> {
        Ok(Self {
            cpu: cpu_time(),
            heap: heap(),
            resident: resident()?,
        })
    }
}

/// Returns the CPU time of this process.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Returns the resident memory of this process, in bytes.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: u64 = kibibytes.ok_or("/proc/self/status has no VmRSS")?.parse()?;
    Ok(kibibytes << 10)
}

/// Raises the limit of descriptors as far as this process may. Returns the number of connections that fit.
pub fn raise_descriptor_limit() -> Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    let most = maximum
        .unwrap_or(u64::MAX)
        .saturating_sub(OTHER_DESCRIPTORS);
    Ok(usize::try_from(most)?)
}
