use std::sync::Arc;

use tokio::sync::oneshot;

use super::links::LinkId;
use super::node_core::NodeCore;
use super::node_entry::NodeEntry;
use super::{Refusal, RefusalReason};
use crate::peer::Peer;

/// A connection whose join has not been decided. Dropping it withdraws the join and closes the connection.
pub(super) struct PendingOffer {
    pub(super) core: Arc<NodeCore>,
    pub(super) entry: Arc<NodeEntry>,
    pub(super) id: LinkId,
    pub(super) decision: oneshot::Receiver<Result<(), Refusal>>,
    pub(super) is_settled: bool,
}

impl PendingOffer {
    /// Waits for the decision: at once, unless another process has the name.
    pub(super) async fn decided(mut self) -> Result<(), Refusal> {
        let decision = (&mut self.decision).await;
        let decision = decision.unwrap_or_else(|_| {
            Err(Refusal::new(
                RefusalReason::ShuttingDown,
                "the node is shutting down",
            ))
        });
        self.is_settled = true;
        if decision.is_err() {
            // The connection stays open for the answer.
            drop(self.withdraw());
        }
        decision
    }

    fn withdraw(&self) -> Option<Peer> {
        let reason = "the join was given up".into();
        self.entry.ended(&self.core, self.id, reason);
        self.entry.forget(self.id)
    }
}

impl Drop for PendingOffer {
    fn drop(&mut self) {
        if !self.is_settled
            && let Some(peer) = self.withdraw()
        {
            peer.close();
        }
    }
}
