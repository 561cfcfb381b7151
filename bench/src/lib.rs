//! Benchmarks of Chirp and other RPC frameworks. See README.md.

pub mod cargo;
pub mod counted;
pub mod handler;
pub mod histogram;
pub mod link;
pub mod load;
pub mod machine;
pub mod options;
pub mod record;
pub mod report;
pub mod rounds;
pub mod server_process;
pub mod serving;
pub mod system;
pub mod systems;
pub mod tokens;
pub mod usage;
pub mod workloads;
