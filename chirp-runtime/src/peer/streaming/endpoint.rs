use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;

use crate::packet::{AttachedStream, Attachment};
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::state::ConnectionState;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::streaming::demand::Demand;
use crate::peer::streaming::half::{self, HalfState};
use crate::peer::streaming::producer::Producer;
use crate::session::{StreamKey, StreamSpec};

/// This side's end of a stream.
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

/// Half of a stream that travels: what is to be done with this side's end once there is one.
type Bind = Box<dyn FnOnce(StreamEndpoint, &Handle) + Send>;

/// A half of a stream beside the bytes of the value that names it.
pub(crate) struct DetachedHalf {
    bind: Mutex<Option<Bind>>,
    /// How the other half, if it is in this process, asks for the value to be sent.
    demand: Option<Arc<Demand>>,
}

impl DetachedHalf {
    /// What travels beside a value. `bind` is called when the value is sent, or never.
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

    /// How the other half asks for the value to be sent.
    pub(in crate::peer) fn demand(attachment: &Attachment) -> Option<Arc<Demand>> {
        let half = attachment.half.downcast_ref::<Self>();
        half.and_then(|half| half.demand.clone())
    }

    fn bind(half: Box<dyn Any + Send + Sync>, end: StreamEndpoint, runtime: &Handle) {
        // Nothing else is attached.
        if let Ok(unbound) = half.downcast::<Self>()
            && let Some(bind) = unbound.bind.into_inner().ok().flatten()
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

/// What the session is to open for these halves.
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

/// Streams that the session has opened, whose ends are to be given to these halves when its lock is free.
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

/// Binds halves that stay in this process: gives the other ends.
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
