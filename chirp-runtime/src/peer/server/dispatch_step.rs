use std::sync::Arc;
use std::time::Instant;

use crate::peer::connection::state::ConnectionState;
use crate::peer::server::dispatch::ActiveHandler;
use crate::peer::server::dispatch_batch::DispatchBatch;
use crate::peer::server::inbound_call::InboundCall;
use crate::peer::server::serving::Serving;

/// The maximum number of requests that are claimed at once without a look at each. A request that is cancelled is searched
/// among them.
const CLAIMED: usize = 128;

/// The next step of a dispatcher.
pub(super) enum DispatchStep {
    /// Start the requests of the batch.
    Begin,
    /// Start this request of a slow method. Another dispatcher takes the queue over.
    Slow(InboundCall, ActiveHandler),
    /// Wait: there is no request, or no room for responses.
    Idle,
    /// Exit: another dispatcher has the queue, or the session has ended.
    Gone,
}

/// The task that starts handlers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StartSite {
    Dispatcher,
    /// The reader, in place of an idle dispatcher.
    Reader,
}

impl ConnectionState {
    /// Commits the results of a dispatcher's batch, and claims requests for it: `count` of them, more only if the queue is
    /// short, or fewer if there are no more.
    pub(super) fn fill(
        &mut self,
        batch: &mut DispatchBatch,
        count: usize,
        serving: &mut Option<Arc<Serving>>,
        site: StartSite,
    ) -> DispatchStep {
        if site == StartSite::Dispatcher {
            self.dispatch.displaces = false;
            if self.dispatch.in_place && !batch.is_revoked() {
                // Woken for another reason: the reader goes on, and wakes the dispatcher if it leaves requests.
                return DispatchStep::Idle;
            }
            self.dispatch.idle &= batch.is_revoked();
        }
        self.commit(batch);
        if batch.is_revoked() || self.end.is_some() || self.serving.is_none() {
            return DispatchStep::Gone;
        }
        if self.session.lacks_room_for_answers() {
            self.put_back(batch);
            return self.end_dispatch();
        }
        if batch.waiting() == 0 && self.can_claim_all() {
            // More than are started now, perhaps: that costs less than to divide the queue.
            self.dispatch.count += self.queue.len() as u64;
            batch.claim_all(self.dispatch.count, &mut self.queue);
        }
        while batch.waiting() < count
            && let Some(call) = self.queue.pop_front()
        {
            if !self.session.is_wanted(call.id) {
                self.finish(call.id);
                self.effects.rare().unwanted.push(call.request);
                continue;
            }
            let slow = self.dispatch.slow.contains(call.request.method());
            if slow && (batch.waiting() > 0 || site == StartSite::Reader) {
                // The requests before it start first, and the reader leaves it to the dispatcher.
                self.queue.push_front(call);
                break;
            }
            self.dispatch.count += 1;
            let number = self.dispatch.count;
            if slow {
                self.dispatch.revoke(batch);
                serving.clone_from(&self.serving);
                let since = Instant::now();
                return DispatchStep::Slow(call, ActiveHandler { number, since });
            }
            batch.claim(number, call);
        }
        if batch.waiting() == 0 {
            return self.end_dispatch();
        }
        serving.clone_from(&self.serving);
        DispatchStep::Begin
    }

    /// Returns `true` if the queue is short, no method of its requests can be slow, and all of them are wanted.
    fn can_claim_all(&self) -> bool {
        self.queue.len() <= CLAIMED
            && self.dispatch.slow.is_empty()
            && self.session.are_all_wanted()
    }

    /// Commits the results of the reader's batch, and leaves what it has not started to the dispatcher.
    pub(super) fn leave_to_dispatcher(&mut self, batch: &mut DispatchBatch) {
        self.commit(batch);
        if !batch.is_revoked() {
            self.put_back(batch);
            self.end_dispatch();
        }
    }

    /// Leaves the queue until the dispatcher is woken.
    fn end_dispatch(&mut self) -> DispatchStep {
        self.dispatch.idle = true;
        self.dispatch.in_place = false;
        DispatchStep::Idle
    }
}
