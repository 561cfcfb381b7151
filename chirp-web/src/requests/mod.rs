//! Requests over HTTP whose responses come later and elsewhere.
