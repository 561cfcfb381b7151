//! Tests of the program as a process: its output, its errors and its exit codes.

mod bench;
mod hostile;
mod program;
mod raw_peer;
mod records;
mod usage;
