//! The attribute and the derive of the `chirp` crate.
