//! Tests of the program as a process: its output, its errors and its exit codes.

mod process {
    pub(crate) mod program;

    mod usage;
}
