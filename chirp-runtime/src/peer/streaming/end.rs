use std::any::Any;
use std::fmt;
use std::sync::Mutex;

use tokio::runtime::Handle;

use crate::packet::{AttachedStream, Attachment};
use crate::peer::calling::caller::Link;
use crate::peer::state::State;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::streaming::half::{self, Half};
use crate::peer::streaming::producer::Producer;
use crate::session::{StreamKey, StreamSpec};

/// This side's end of a stream.
#[derive(Debug)]
pub(crate) enum End {
    Producer(Producer),
    Consumer(Consumer),
}

impl End {
    pub(in crate::peer) fn half(&self) -> &Half {
        match self {
            Self::Producer(producer) => producer.half(),
            Self::Consumer(consumer) => consumer.half(),
        }
    }
}

/// Half of a stream that travels: what is to be done with this side's end once there is one.
type Bind = Box<dyn FnOnce(End, &Handle) + Send>;

/// A half of a stream beside the bytes of the value that names it.
pub(crate) struct Unbound(Mutex<Option<Bind>>);

impl Unbound {
    /// What travels beside a value. `bind` is called when the value is sent, or never.
    pub(crate) fn attachment(
        entry: AttachedStream,
        bind: impl FnOnce(End, &Handle) + Send + 'static,
    ) -> Attachment {
        Attachment {
            entry,
            half: Box::new(Self(Mutex::new(Some(Box::new(bind))))),
        }
    }

    fn bind(half: Box<dyn Any + Send + Sync>, end: End, runtime: &Handle) {
        // Nothing else is attached.
        if let Ok(unbound) = half.downcast::<Self>()
            && let Some(bind) = unbound.0.into_inner().ok().flatten()
        {
            bind(end, runtime);
        }
    }
}

impl fmt::Debug for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unbound")
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
pub(in crate::peer) struct Opened(
    Vec<(
        Attachment,
        StreamKey,
        std::sync::Arc<super::mailbox::Mailbox>,
    )>,
);

impl Opened {
    pub(in crate::peer) fn new(
        attachments: Vec<Attachment>,
        keys: &[StreamKey],
        state: &mut State,
    ) -> Self {
        let opened = attachments.into_iter().zip(keys);
        let opened = opened.map(|(attachment, key)| (attachment, *key, state.streams.open(*key)));
        Self(opened.collect())
    }

    pub(in crate::peer) fn bind(self, link: &Link) {
        let runtime = &link.connection().runtime;
        for (attachment, key, mailbox) in self.0 {
            let link = link.clone();
            let end = if attachment.entry.outward {
                End::Producer(Producer::remote(link, Some(key), mailbox))
            } else {
                End::Consumer(Consumer::remote(link, Some(key), mailbox))
            };
            Unbound::bind(attachment.half, end, runtime);
        }
    }
}

/// Binds halves that stay in this process: gives the other ends.
pub(in crate::peer) fn bind_here(
    attachments: Vec<Attachment>,
    runtime: &Handle,
) -> Vec<(AttachedStream, End)> {
    let ends = attachments.into_iter().map(|attachment| {
        let (producer, consumer) = half::local();
        let (ours, theirs) = if attachment.entry.outward {
            (End::Producer(producer), End::Consumer(consumer))
        } else {
            (End::Consumer(consumer), End::Producer(producer))
        };
        Unbound::bind(attachment.half, ours, runtime);
        (attachment.entry, theirs)
    });
    ends.collect()
}
