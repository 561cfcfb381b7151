//! Requests whose responses come later and elsewhere: response hooks, trackers, stream URLs.
#![cfg(feature = "requests")]
