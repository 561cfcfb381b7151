use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::channel::Identity;
use crate::packet::{CallFields, CallInfo, Metadata, MetadataError, TraceContext};
use crate::peer::propagation::Propagation;
use crate::peer::{CallContext, CallError, Caller, RetryPolicy};
use crate::session::Limits;

/// The options of a call that most calls do not have.
#[derive(Clone, Default)]
pub(in crate::peer) struct CallOptions {
    metadata: Metadata,
    /// Why the metadata cannot be sent.
    invalid: Option<MetadataError>,
    /// The trace that the call belongs to, unless its span says otherwise.
    trace: Option<TraceContext>,
    /// The deadline of the call that this one is made within.
    deadline: Option<Instant>,
    /// The options that calls made within this call inherit, if it is handled in this process.
    propagation: Option<Arc<Propagation>>,
    /// The caller, for a handler in this process.
    identity: Option<Identity>,
    /// The defaults of the client that made the call.
    pub(in crate::peer) defaults: Option<Arc<CallDefaults>>,
}

impl CallOptions {
    /// The options of a call that passes on the call of a handler. `None` if that call has no context.
    pub(in crate::peer) fn forwarding(cx: &CallContext) -> Option<Box<Self>> {
        if cx.call_info().is_none() && cx.time_limit().is_none() {
            return None;
        }
        Some(Box::new(Self {
            metadata: cx.metadata().clone(),
            trace: cx.trace().cloned(),
            deadline: cx.time_limit(),
            propagation: cx.propagation(),
            ..Self::default()
        }))
    }

    /// Sets the value of a metadata key. An error is kept for when the call is sent.
    pub(in crate::peer) fn set_metadata(&mut self, key: &str, value: &[u8]) {
        self.metadata.require(key);
        if let Err(error) = self.metadata.insert(key, value) {
            self.invalid.get_or_insert(error);
        }
    }

    /// As [`set_metadata`](Self::set_metadata), and marks the key as optional.
    pub(in crate::peer) fn set_optional_metadata(&mut self, key: &str, value: &[u8]) {
        self.set_metadata(key, value);
        self.metadata.optional(key);
    }

    pub(in crate::peer) fn merge_metadata(&mut self, metadata: &Metadata) {
        self.metadata.merge(metadata);
    }

    pub(in crate::peer) fn set_trace(&mut self, trace: TraceContext) {
        self.trace = Some(trace);
    }

    pub(in crate::peer) fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    pub(in crate::peer) fn set_identity(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// Returns the caller that a handler in this process sees.
    pub(in crate::peer) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Returns the metadata.
    ///
    /// # Errors
    ///
    /// [`CallError::Metadata`] if the metadata could not be set.
    pub(in crate::peer) fn checked_metadata(&self) -> Result<Metadata, CallError> {
        match &self.invalid {
            Some(error) => Err(CallError::Metadata(error.clone())),
            None => Ok(self.metadata.clone()),
        }
    }

    /// Inherits the deadline, the trace and the inherited metadata of a handler's call.
    pub(in crate::peer) fn set_within(&mut self, cx: &CallContext) {
        self.shorten(cx.time_limit());
        if let Some(trace) = cx.trace() {
            self.trace = Some(trace.clone());
        }
        let Some(propagation) = cx.propagation() else {
            return;
        };
        let mut metadata = cx.metadata().clone();
        metadata.retain(|key| propagation.inherits(key));
        metadata.merge(&self.metadata);
        self.metadata = metadata;
        self.propagation = Some(propagation);
    }

    fn shorten(&mut self, deadline: Option<Instant>) {
        self.deadline = match (self.deadline, deadline) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// Adds the options of a call to those of the client that makes it, over which they take precedence.
    pub(in crate::peer) fn overlay(&mut self, other: &Self) {
        self.metadata.merge(&other.metadata);
        self.shorten(other.deadline);
        let Self {
            invalid,
            trace,
            propagation,
            identity,
            defaults,
            ..
        } = other.clone();
        self.invalid = self.invalid.take().or(invalid);
        self.trace = trace.or(self.trace.take());
        self.propagation = propagation.or(self.propagation.take());
        self.identity = identity.or(self.identity.take());
        self.defaults = self.defaults.take().or(defaults);
    }

    /// The deadline that limits the call besides its own.
    pub(in crate::peer) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the fields of the call's context. `trace` is that of the call's span, if it has one.
    ///
    /// # Errors
    ///
    /// [`CallError::Metadata`] if the metadata could not be set.
    pub(in crate::peer) fn fields(
        &self,
        trace: Option<&TraceContext>,
    ) -> Result<Option<CallFields>, CallError> {
        if let Some(error) = &self.invalid {
            return Err(CallError::Metadata(error.clone()));
        }
        Ok(CallFields::new(
            trace.or(self.trace.as_ref()),
            &self.metadata,
        ))
    }

    /// Returns the context for a handler in this process, and what its calls inherit.
    ///
    /// # Errors
    ///
    /// [`CallError::Metadata`] if the metadata could not be set, or is over the default limit.
    pub(in crate::peer) fn local(&self) -> Result<LocalOptions, CallError> {
        if let Some(error) = &self.invalid {
            return Err(CallError::Metadata(error.clone()));
        }
        let (len, limit) = (self.metadata.encoded_len(), Limits::default().max_metadata);
        if len > limit {
            return Err(CallError::Metadata(MetadataError::TooLarge { len, limit }));
        }
        let mut info = CallInfo::default();
        info.trace.clone_from(&self.trace);
        info.metadata.clone_from(&self.metadata);
        let is_empty = info.trace.is_none() && info.metadata.is_empty();
        let info = (!is_empty).then(|| Arc::new(info));
        Ok((info, self.propagation.clone()))
    }
}

/// The context of a call in this process, and what calls inherit that are made within it.
type LocalOptions = (Option<Arc<CallInfo>>, Option<Arc<Propagation>>);

/// A caller with defaults for its calls, of which a derived client is made.
#[derive(Clone)]
pub(in crate::peer) struct CallDefaults {
    pub(in crate::peer) options: CallOptions,
    pub(in crate::peer) timeout: Option<Duration>,
    pub(in crate::peer) retry: Option<RetryPolicy>,
    /// The caller without defaults.
    pub(in crate::peer) caller: Caller,
}

impl CallDefaults {
    /// Returns the options of a new call.
    pub(in crate::peer) fn options(self: &Arc<Self>) -> CallOptions {
        CallOptions {
            defaults: Some(Arc::clone(self)),
            ..self.options.clone()
        }
    }
}
