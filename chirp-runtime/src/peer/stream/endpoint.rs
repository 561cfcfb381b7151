use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::packet::{AttachedStream, Attachment};
use crate::peer::client::caller::ConnectionRef;
use crate::peer::connection::state::ConnectionState;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::demand::Demand;
use crate::peer::stream::half::{self, HalfState};
use crate::peer::stream::producer::Producer;
use crate::session::{StreamKey, StreamSpec};
use crate::sync::Mutex;

/// This side's half of a stream.
#[derive(Debug)]
pub(crate) enum StreamEndpoint {
    Producer(Producer),
    Consumer(Consumer),
}

impl StreamEndpoint {
    pub(in crate::peer) fn half(&self) -> &HalfState {
        match self {
            Self::Producer(producer) => producer.half(),
            Self::Consumer(consumer) => consumer.half(),
        }
    }
}

/// Receives this side's half of a stream once the stream has been opened.
type Bind = Box<dyn FnOnce(StreamEndpoint, &Handle) + Send>;

/// A stream half that is attached to an encoded value.
pub(crate) struct DetachedHalf {
    bind: Mutex<Option<Bind>>,
    /// With which the other half, if it is in this process, requests that the value be sent.
    demand: Option<Arc<Demand>>,
}

impl DetachedHalf {
    /// Creates an attachment for a value. `bind` is called when the value is sent, or never.
    pub(crate) fn attachment(
        entry: AttachedStream,
        demand: Option<Arc<Demand>>,
        bind: impl FnOnce(StreamEndpoint, &Handle) + Send + 'static,
    ) -> Attachment {
        Attachment {
            entry,
            half: Box::new(Self {
                bind: Mutex::new(Some(Box::new(bind))),
                demand,
            }),
        }
    }

    /// Returns the demand with which the other half requests that the value be sent.
    pub(in crate::peer) fn demand(attachment: &Attachment) -> Option<Arc<Demand>> {
        let half = attachment.half.downcast_ref::<Self>();
        half.and_then(|half| half.demand.clone())
    }

    fn bind(half: Box<dyn Any + Send + Sync>, end: StreamEndpoint, runtime: &Handle) {
        // Attachments of other types do not exist.
        if let Ok(unbound) = half.downcast::<Self>()
            && let Some(bind) = unbound.bind.into_inner()
        {
            bind(end, runtime);
        }
    }
}

impl fmt::Debug for DetachedHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DetachedHalf")
    }
}

/// Returns the streams that the session has to open for these attachments.
pub(in crate::peer) fn specs(attachments: &[Attachment]) -> Vec<StreamSpec> {
    let specs = attachments.iter().map(|attachment| {
        let AttachedStream {
            outward,
            bound,
            codec,
        } = attachment.entry;
        let spec = if outward {
            StreamSpec::sending(codec)
        } else {
            StreamSpec::receiving(codec)
        };
        if bound { spec.bound() } else { spec }
    });
    specs.collect()
}

/// Streams that the session has opened, whose halves are to be bound after the lock is released.
pub(in crate::peer) struct OpenedHalves(Vec<(Attachment, StreamKey, Arc<super::mailbox::Mailbox>)>);

impl OpenedHalves {
    pub(in crate::peer) fn new(
        attachments: Vec<Attachment>,
        keys: &[StreamKey],
        state: &mut ConnectionState,
    ) -> Self {
        let opened = attachments.into_iter().zip(keys);
        let opened = opened.map(|(attachment, key)| (attachment, *key, state.streams.open(*key)));
        Self(opened.collect())
    }

    pub(in crate::peer) fn bind(self, link: &ConnectionRef) {
        let runtime = &link.connection().runtime;
        for (attachment, key, mailbox) in self.0 {
            let link = link.clone();
            let end = if attachment.entry.outward {
                StreamEndpoint::Producer(Producer::remote(link, Some(key), mailbox))
            } else {
                StreamEndpoint::Consumer(Consumer::remote(link, Some(key), mailbox))
            };
            DetachedHalf::bind(attachment.half, end, runtime);
        }
    }
}

/// Binds attachments to streams within this process. Returns the other halves.
pub(in crate::peer) fn bind_here(
    attachments: Vec<Attachment>,
    runtime: &Handle,
) -> Vec<(AttachedStream, StreamEndpoint)> {
    let ends = attachments.into_iter().map(|attachment| {
        let (producer, consumer) = half::local();
        let (ours, theirs) = if attachment.entry.outward {
            (
                StreamEndpoint::Producer(producer),
                StreamEndpoint::Consumer(consumer),
            )
        } else {
            (
                StreamEndpoint::Consumer(consumer),
                StreamEndpoint::Producer(producer),
            )
        };
        DetachedHalf::bind(attachment.half, ours, runtime);
        (attachment.entry, theirs)
    });
    ends.collect()
}
