//! Servers and reconnecting clients: how connections start, end and start again.

mod accepting;
mod balanced_crashes;
mod balanced_servers;
mod balancing;
mod connection_lifecycle;
mod crash_recovery;
mod draining;
mod dropped_calls;
mod health;
mod keep_alive;
mod reconnecting;
mod restarts;
mod restarts_under_load;
mod retries;
mod server_process;
mod serving;
mod shutdown;
#[path = "../support/mod.rs"]
mod support;
