use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::connection_core::ConnectionCore;
use super::effects::Action;
use crate::packet::Hello;
use crate::peer::{CallError, task};
use crate::session::HelloState;

/// How long the peer has to answer which extensions it supports.
const HELLO_TIME: Duration = Duration::from_secs(10);

/// Returns a random nonce of printable bytes. If a terminal echoes the question, a control character in it, such as ^C,
/// could interrupt the program there or cut off the echo.
pub(in crate::peer) fn random_nonce() -> u64 {
    (RandomState::new().hash_one(0) & 0x3f3f_3f3f_3f3f_3f3f) + 0x2020_2020_2020_2020
}

/// Negotiation of extensions.
impl ConnectionCore {
    /// Asks for the extensions that the peer accepts, if they are not known, and waits for the answer. Returns `None`
    /// if the peer supports none.
    pub(in crate::peer) async fn learn_hello(&self) -> Result<Option<Hello>, CallError> {
        {
            let mut state = self.lock();
            if let Some(reason) = state.refusal() {
                return Err(CallError::ConnectionLost(reason));
            }
            state.session.ask_hello(random_nonce())?;
        }
        if let Ok(known) = tokio::time::timeout(HELLO_TIME, self.known_hello()).await {
            return known;
        }
        self.give_up_hello();
        Ok(None)
    }

    /// Waits until the peer's extensions are known, or the connection has ended.
    async fn known_hello(&self) -> Result<Option<Hello>, CallError> {
        self.wait_for(|connection| {
            let state = connection.look();
            match (state.session.hello(), &state.end) {
                (HelloState::Known(hello), _) => Some(Ok(hello)),
                (_, Some(reason)) => Some(Err(CallError::ConnectionLost(reason.clone()))),
                (_, None) => None,
            }
        })
        .await
    }

    /// Limits the time that the peer has to answer, since a call waits for its extensions. The timer ends with the answer
    /// or with the connection.
    pub(in crate::peer) fn limit_hello(self: &Arc<Self>) {
        let connection = Arc::clone(self);
        task::spawn(&self.runtime, async move {
            let known = connection.known_hello();
            if tokio::time::timeout(HELLO_TIME, known).await.is_err() {
                connection.give_up_hello();
            }
        });
    }

    fn give_up_hello(&self) {
        let mut state = self.lock();
        state.session.give_up_hello();
        state.effects.add(Action::Signal);
    }
}
