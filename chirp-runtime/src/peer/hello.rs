use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::connection::ConnectionCore;
use super::{CallError, task};
use crate::packet::Hello;
use crate::session::HelloState;

/// How long the other side may take to say which extensions it knows.
const HELLO_TIME: Duration = Duration::from_secs(10);

/// What is known of the other side's extensions.
impl ConnectionCore {
    /// What the other side says that it accepts, once that is known.
    pub(super) async fn learn_hello(&self) -> Result<Option<Hello>, CallError> {
        let nonce = RandomState::new().hash_one(0);
        {
            let mut state = self.lock();
            if let Some(reason) = state.refusal() {
                return Err(CallError::ConnectionLost(reason));
            }
            state.session.ask_hello(nonce)?;
        }
        if let Ok(known) = tokio::time::timeout(HELLO_TIME, self.known_hello()).await {
            return known;
        }
        self.give_up_hello();
        Ok(None)
    }

    /// Waits until it is known what the other side accepts, or until the connection has ended.
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

    /// The other side has been asked for its extensions, for a call that waits for the answer. It is given the time
    /// for that; the timer ends with the answer or with the connection.
    pub(super) fn limit_hello(self: &Arc<Self>) {
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
        state.effects.signal = true;
    }
}
