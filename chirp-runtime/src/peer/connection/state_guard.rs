use std::mem;
use std::ops::{Deref, DerefMut};

use super::connection_core::ConnectionCore;
use super::effects::Effects;
use super::sending::Sending;
use super::state::ConnectionState;
use crate::session::Session;
use crate::sync::MutexGuard;

/// Exclusive access to a connection's state.
///
/// Dropping the guard reconciles the state, releases the lock, and then applies the [`Effects`] that were collected
/// under it. Nothing else gives mutable access to [`ConnectionState`], so no step can forget to reconcile, and no
/// effect can run under the lock.
pub(in crate::peer) struct StateGuard<'a> {
    // Fields are dropped in this order: the lock is released before the effects are applied.
    state: MutexGuard<'a, ConnectionState>,
    effects: PendingEffects<'a>,
    is_reconciled: bool,
}

/// Applies effects when it is dropped.
struct PendingEffects<'a> {
    connection: &'a ConnectionCore,
    buffer: EffectsBuffer<'a>,
}

enum EffectsBuffer<'a> {
    /// Nothing to apply so far. The buffer of a task, if there is one, keeps its allocations for the next step.
    Unused(Option<&'a mut Option<Box<Effects>>>),
    Reused(&'a mut Box<Effects>),
    Owned(Box<Effects>),
}

impl<'a> StateGuard<'a> {
    #[inline]
    pub(in crate::peer) fn new(
        connection: &'a ConnectionCore,
        state: MutexGuard<'a, ConnectionState>,
    ) -> Self {
        Self {
            state,
            effects: PendingEffects {
                connection,
                buffer: EffectsBuffer::Unused(None),
            },
            is_reconciled: false,
        }
    }

    /// As [`new`](Self::new), with a buffer for the effects, which is created when there are effects for the first time.
    /// `effects` must be empty, and is again when the guard has been dropped.
    #[inline]
    pub(in crate::peer) fn reusing(
        connection: &'a ConnectionCore,
        state: MutexGuard<'a, ConnectionState>,
        effects: &'a mut Option<Box<Effects>>,
    ) -> Self {
        Self {
            state,
            effects: PendingEffects {
                connection,
                buffer: EffectsBuffer::Unused(Some(effects)),
            },
            is_reconciled: false,
        }
    }

    /// Gives the session the calls of the submit queue.
    pub(in crate::peer) fn flush_submit_queue(&mut self) {
        self.state
            .flush_submit_queue(&self.effects.connection.submit_queue);
    }

    /// Gives the session the calls of the submit queue, and closes the queue.
    pub(in crate::peer) fn close_submit_queue(&mut self) {
        self.state
            .close_submit_queue(&self.effects.connection.submit_queue);
    }

    /// Restricts calls if this side has said that it goes away.
    pub(in crate::peer) fn note_leaving(&mut self) {
        if self.state.session.has_said_going_away() && matches!(self.state.sending, Sending::Open) {
            self.state.sending = Sending::Leaving;
        }
    }

    /// Runs `step` on the session behind every call of the submit queue, so that packets leave in the order in which
    /// they were submitted.
    #[inline]
    pub(in crate::peer) fn ordered<T>(&mut self, step: impl FnOnce(&mut Session) -> T) -> T {
        self.flush_submit_queue();
        step(&mut self.state.session)
    }

    /// Reconciles, looks at the result, and drops the guard.
    pub(in crate::peer) fn reconcile_and_look<T>(
        mut self,
        look: impl FnOnce(&ConnectionState) -> T,
    ) -> T {
        self.reconcile();
        self.is_reconciled = true;
        look(&self.state)
    }

    /// Moves the effects out of the state, to be applied after the lock is released.
    #[inline(never)]
    fn take_effects(&mut self) {
        self.effects.buffer = EffectsBuffer::Owned(mem::take(&mut self.state.effects));
    }

    #[inline]
    fn reconcile(&mut self) {
        let connection = self.effects.connection;
        connection.watch_write(&mut self.state);
        self.state.reconcile(connection.budget.as_deref());
    }
}

impl Deref for StateGuard<'_> {
    type Target = ConnectionState;

    #[inline]
    fn deref(&self) -> &ConnectionState {
        &self.state
    }
}

impl DerefMut for StateGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ConnectionState {
        &mut self.state
    }
}

impl Drop for StateGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_reconciled {
            self.reconcile();
        }
        if !self.state.effects.is_nothing() {
            // The buffer of a task is swapped here; what allocates is outlined.
            if let EffectsBuffer::Unused(reusable) = &mut self.effects.buffer
                && let Some(effects) = reusable.take()
            {
                let effects = effects.get_or_insert_default();
                mem::swap(&mut self.state.effects, effects);
                self.effects.buffer = EffectsBuffer::Reused(effects);
            } else {
                self.take_effects();
            }
        }
    }
}

impl Drop for PendingEffects<'_> {
    #[inline]
    fn drop(&mut self) {
        match &mut self.buffer {
            EffectsBuffer::Unused(_) => {}
            EffectsBuffer::Reused(effects) => effects.apply(self.connection),
            EffectsBuffer::Owned(effects) => effects.apply(self.connection),
        }
    }
}

/// Shared access to a connection's state, for a look: it cannot change anything, so it has no effects and needs no
/// reconciliation.
pub(in crate::peer) struct StateView<'a>(MutexGuard<'a, ConnectionState>);

impl<'a> StateView<'a> {
    pub(in crate::peer) fn new(state: MutexGuard<'a, ConnectionState>) -> Self {
        Self(state)
    }
}

impl Deref for StateView<'_> {
    type Target = ConnectionState;

    #[inline]
    fn deref(&self) -> &ConnectionState {
        &self.0
    }
}
