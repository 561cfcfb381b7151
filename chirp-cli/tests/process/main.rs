//! Tests of the program as a process: its output, its errors and its exit codes.

mod bench;
mod program;
mod usage;
