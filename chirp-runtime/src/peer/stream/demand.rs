use std::fmt;
use std::mem;
use std::sync::{Arc, Weak};

use crate::sync::Mutex;

/// The link from one half of a stream to the call that was given the other half.
///
/// A half that has to wait raises the demand, so that the call is sent although nobody awaits it yet. The half may wait
/// before the call is made: the demand is kept for it.
#[derive(Default)]
pub(crate) struct Demand(Mutex<DemandState>);

#[derive(Default)]
enum DemandState {
    #[default]
    Idle,
    /// A half has had to wait, and no call has the other half.
    Raised,
    /// The call that has the other half.
    Given(Weak<dyn Startable>),
}

/// A call that can be sent before it is awaited.
pub(in crate::peer) trait Startable: Send + Sync {
    /// Sends the call, if it has not been sent.
    fn start(self: Arc<Self>);
}

impl Demand {
    /// Sends the call that has the other half, if there is one that has not been sent. Otherwise, the next call that
    /// is given it is sent at once.
    pub(crate) fn raise(&self) {
        let mut state = self.0.lock();
        let call = match &*state {
            DemandState::Given(call) => call.upgrade(),
            DemandState::Idle | DemandState::Raised => {
                *state = DemandState::Raised;
                None
            }
        };
        drop(state);
        if let Some(call) = call {
            call.start();
        }
    }

    /// Sets the call that has the other half. Returns `true` if a half has had to wait already.
    pub(in crate::peer) fn set(&self, call: Weak<dyn Startable>) -> bool {
        let before = mem::replace(&mut *self.0.lock(), DemandState::Given(call));
        matches!(before, DemandState::Raised)
    }
}

impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Demand")
    }
}
