//! Memory, descriptors and tasks of the process.

use std::alloc::System;
use std::fs;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::Handle;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Memory, descriptors and tasks at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    /// Live heap memory, in bytes.
    pub(crate) heap: usize,
    /// Resident memory, in bytes.
    pub(crate) resident: usize,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Tasks of the runtime.
    pub(crate) tasks: usize,
}

impl Held {
    /// Measures this process.
    pub(crate) fn now() -> Self {
        let stats = HEAP.stats();
        Self {
            heap: stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated),
            resident: resident().unwrap_or(0),
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }
}

fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}
