//! The smallest concurrent parts of the runtime, compiled from its sources with the locks and atomics of shuttle, whose
//! scheduler decides which thread goes on at each of them. What they use of the rest of the runtime is replaced.
//!
//! ```console
//! cargo test --manifest-path fuzz/models/Cargo.toml
//! ```
//!
//! | part | invariants |
//! |---|---|
//! | pending call | an outcome is taken once; no wake-up is lost; a caller that has gone takes nothing |
//! | submit queue | each call is flushed once, in order, or returned by `close`; no call waits for a writer that sleeps |
#![allow(dead_code, reason = "models use a part of what the sources have")]

/// The locks of the runtime, of shuttle.
mod sync {
    pub(crate) use shuttle::sync::MutexGuard;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};

    /// The lock of `chirp_runtime::sync`.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no thread panics with the lock")
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().expect("no thread panics with the lock")
        }
    }
}

/// The types of the session that calls use.
mod session {
    pub(crate) use chirp_runtime::session::{CallOutcome, Fatal, Refused};

    /// The id of a call.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct OutboundCallId(u32);

    impl OutboundCallId {
        pub(crate) fn of(id: u32) -> Option<Self> {
            (id != 0).then_some(Self(id))
        }

        pub(crate) fn id(self) -> u32 {
            self.0
        }
    }
}

mod peer {
    pub(crate) mod client;
    #[cfg(test)]
    mod pending_call_model;
    #[cfg(test)]
    mod submit_queue_model;

    pub(crate) mod connection {
        /// The part of a connection's state that the submit queue uses.
        pub(crate) mod state {
            use std::sync::Arc;
            use std::time::Duration;

            use crate::peer::client::pending_call::PendingCall;
            use crate::peer::client::submit_queue::SubmittedCalls;
            use crate::session::{Fatal, OutboundCallId, Refused};

            #[derive(Default)]
            pub(crate) struct ConnectionState {
                pub(crate) session: CountingSession,
                pub(crate) pending_calls: Waiters,
                pub(crate) effects: Collected,
                pub(in crate::peer) spare_calls: SubmittedCalls,
                pub(crate) end: Option<()>,
            }

            /// Notes the calls that it is given, and gives them ids.
            #[derive(Default)]
            pub(crate) struct CountingSession {
                pub(crate) names: Vec<Vec<u8>>,
            }

            impl CountingSession {
                pub(crate) fn call_copied(
                    &mut self,
                    name: &[u8],
                    _: &[u8],
                    _: Option<Duration>,
                ) -> Result<OutboundCallId, Refused> {
                    self.names.push(name.to_vec());
                    let id = u32::try_from(self.names.len()).expect("few");
                    Ok(OutboundCallId::of(id).expect("not zero"))
                }

                pub(crate) fn cancel(&mut self, _: OutboundCallId) -> Result<(), Fatal> {
                    Ok(())
                }

                pub(crate) fn pending(&self) -> usize {
                    self.names.len()
                }

                pub(crate) fn running(&self) -> usize {
                    0
                }
            }

            #[derive(Default)]
            pub(crate) struct Waiters(pub(in crate::peer) Vec<(OutboundCallId, Arc<PendingCall>)>);

            impl Waiters {
                pub(in crate::peer) fn wait(
                    &mut self,
                    call: OutboundCallId,
                    slot: Arc<PendingCall>,
                ) {
                    self.0.push((call, slot));
                }
            }

            #[derive(Default)]
            pub(crate) struct Collected {
                pub(crate) end: Option<Fatal>,
                pub(in crate::peer) refused: Vec<(Arc<PendingCall>, Refused)>,
            }
        }
    }

    pub(crate) mod stream {
        pub(crate) mod inbound_streams {
            use std::sync::Arc;
            use std::sync::atomic::{AtomicUsize, Ordering};

            /// Counts how often they are dropped.
            #[derive(Debug)]
            pub(crate) struct UnboundStreams(pub(crate) Arc<AtomicUsize>);

            impl Drop for UnboundStreams {
                fn drop(&mut self) {
                    self.0.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
}
