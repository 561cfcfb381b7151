use std::fmt;
use std::sync::Arc;

use super::MethodName;
use crate::channel::Endpoint;

/// The call that an error is about: its method, and the address of the peer that it was made to.
///
/// It is for messages and logs. An error that was not returned by a call, such as one that a test makes, has neither.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallSite(Option<Arc<CallDetails>>);

#[derive(PartialEq, Eq)]
struct CallDetails {
    method: MethodName,
    peer: Option<Endpoint>,
}

impl CallSite {
    pub(super) fn new(method: &MethodName, peer: Option<&Endpoint>) -> Self {
        Self(Some(Arc::new(CallDetails {
            method: method.clone(),
            peer: peer.cloned(),
        })))
    }

    /// Returns the method's name on the wire.
    pub fn method(&self) -> Option<&MethodName> {
        self.0.as_deref().map(|call| &call.method)
    }

    /// The peer's address. A connection that was given as a channel may have none, and so has a call in this process.
    pub fn peer(&self) -> Option<&Endpoint> {
        self.0.as_deref().and_then(|call| call.peer.as_ref())
    }

    pub(super) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// The call between two texts, and nothing where it is not known.
    pub(super) fn between(&self, before: &'static str, after: &'static str) -> impl fmt::Display {
        if self.is_known() {
            format!("{before}{self}{after}")
        } else {
            String::new()
        }
    }
}

/// `"Shop.pay" at tcp://10.0.0.2:9000`.
impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(call) = &self.0 else {
            return f.write_str("an unknown method");
        };
        write!(f, "\"{}\"", call.method)?;
        match &call.peer {
            Some(peer) => write!(f, " at {peer}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
