use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::codec::attaching::{Claim, Claims};
use crate::codec::{CodecId, DecodeError, StreamSource};
use crate::packet::{AttachedStream, ErrorData, FrameworkError};
use crate::peer::client::caller::ConnectionRef;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::endpoint::StreamEndpoint;
use crate::peer::stream::forward::Forwarded;
use crate::peer::stream::mailbox::Mailbox;
use crate::peer::stream::orphans::Orphans;
use crate::peer::stream::producer::Producer;
use crate::peer::stream::table::StreamTable;
use crate::session::{Ending, OpenedStream, StreamCarrier, StreamKey, StreamKind};
use crate::sync::Mutex;

/// Streams that the peer has opened, before they are bound to halves.
///
/// If they are dropped, they become [`Orphans`], and the session releases them when the state is reconciled next.
#[derive(Debug)]
pub(in crate::peer) struct UnboundStreams {
    streams: Vec<(OpenedStream, Arc<Mailbox>)>,
    orphans: Arc<Orphans>,
}

impl UnboundStreams {
    pub(in crate::peer) fn new(opened: Vec<OpenedStream>, streams: &mut StreamTable) -> Self {
        let halves = opened.into_iter().map(|opened| {
            let mailbox = if opened.refused {
                let busy = ErrorData::from(FrameworkError::Overloaded);
                Arc::new(Mailbox::ended(Ending::Refused(busy)))
            } else {
                streams.open(opened.key)
            };
            (opened, mailbox)
        });
        let halves = halves.collect();
        Self {
            streams: halves,
            orphans: streams.orphans(),
        }
    }
}

impl Drop for UnboundStreams {
    fn drop(&mut self) {
        if !self.streams.is_empty() {
            self.orphans.put(&mut self.streams);
        }
    }
}

/// The streams that came with a request, a response or an item, until the value that contains them has been decoded
/// completely. Streams that the value does not contain are refused.
pub(crate) struct InboundStreams {
    /// The source of the streams. `None` within this process.
    from: Option<(ConnectionRef, StreamCarrier)>,
    inner: Mutex<ClaimState>,
}

#[derive(Default)]
struct ClaimState {
    streams: Vec<InboundStream>,
    claimed: bool,
}

struct InboundStream {
    entry: AttachedStream,
    key: Option<StreamKey>,
    is_result: bool,
    end: Option<StreamEndpoint>,
}

impl InboundStreams {
    pub(in crate::peer) fn new(
        link: &ConnectionRef,
        carrier: StreamCarrier,
        mut unbound: UnboundStreams,
    ) -> Self {
        let streams = mem::take(&mut unbound.streams)
            .into_iter()
            .map(|(opened, mailbox)| {
                let spec = opened.spec;
                let key = (!opened.refused).then_some(opened.key);
                let end = if spec.sends {
                    let producer = Producer::remote(link.clone(), key, mailbox);
                    StreamEndpoint::Producer(match spec.kind {
                        StreamKind::Result => producer.into_result(),
                        _ => producer,
                    })
                } else {
                    StreamEndpoint::Consumer(Consumer::remote(link.clone(), key, mailbox))
                };
                InboundStream {
                    entry: AttachedStream {
                        outward: !spec.sends,
                        bound: spec.kind != StreamKind::Free,
                        codec: spec.codec,
                    },
                    key,
                    is_result: spec.kind == StreamKind::Result,
                    end: Some(end),
                }
            });
        let streams = streams.collect();
        Self {
            from: Some((link.clone(), carrier)),
            inner: Mutex::new(ClaimState {
                streams,
                claimed: false,
            }),
        }
    }

    /// Creates the streams of a call within this process, and the stream for its result.
    pub(in crate::peer) fn local(
        ends: Vec<(AttachedStream, StreamEndpoint)>,
        result: Option<(Producer, CodecId)>,
    ) -> Self {
        let ends = ends.into_iter().map(|(entry, end)| InboundStream {
            entry,
            key: None,
            is_result: false,
            end: Some(end),
        });
        let result = result.map(|(producer, codec)| InboundStream {
            entry: AttachedStream {
                outward: false,
                bound: true,
                codec: codec as u8,
            },
            key: None,
            is_result: true,
            end: Some(StreamEndpoint::Producer(producer.into_result())),
        });
        let streams = ends.chain(result).collect();
        Self {
            from: None,
            inner: Mutex::new(ClaimState {
                streams,
                claimed: false,
            }),
        }
    }

    /// Takes the stream that the caller wants as the result, and the codec of its items. Returns `None` if it wants
    /// none.
    pub(crate) fn take_result(&self) -> Option<(Producer, Option<CodecId>)> {
        let mut inner = self.lock();
        let mut results = inner.streams.iter_mut().filter(|stream| stream.is_result);
        let stream = results.next()?;
        if results.next().is_some() {
            return None;
        }
        let codec = CodecId::from_number(stream.entry.codec);
        match stream.end.take()? {
            StreamEndpoint::Producer(producer) => Some((producer, codec)),
            StreamEndpoint::Consumer(_) => None,
        }
    }

    /// Takes all streams, to be forwarded with the encoded value, and the stream for the result. Returns `None` if that
    /// is impossible: they have been taken, or their positions beside the value would change.
    pub(in crate::peer) fn forward(&self) -> Option<Forwarded> {
        let mut inner = self.lock();
        let before_last = inner.streams.len().saturating_sub(1);
        let moves = inner.streams.iter().take(before_last);
        if inner.claimed || moves.into_iter().any(|stream| stream.is_result) {
            return None;
        }
        inner.claimed = true;
        let streams = mem::take(&mut inner.streams);
        drop(inner);
        let keys = streams.iter().filter(|stream| !stream.is_result);
        let keys: Vec<_> = keys.filter_map(|stream| stream.key).collect();
        // After the end of the call nothing can be claimed, and the streams have ended.
        self.tell(&keys);
        let mut forwarded = Forwarded::default();
        for stream in streams {
            match stream.end {
                Some(StreamEndpoint::Producer(producer)) if stream.is_result => {
                    forwarded.result = Some((producer, CodecId::from_number(stream.entry.codec)));
                }
                Some(end) => forwarded.attach(stream.entry, end),
                None => return None,
            }
        }
        Some(forwarded)
    }

    /// Returns `true` if the caller wants a stream as the result, which has not been taken.
    pub(crate) fn has_result(&self) -> bool {
        let inner = self.lock();
        let mut streams = inner.streams.iter();
        streams.any(|stream| stream.is_result && stream.end.is_some())
    }

    /// Settles the claims of a value that has been decoded completely.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they cannot be settled.
    pub(crate) fn settle(&self, claims: Claims) -> Result<(), DecodeError> {
        self.claim(claims.surviving()?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ClaimState> {
        self.inner.lock()
    }

    /// Tells the session which streams have been claimed. The others are refused.
    fn tell(&self, claimed: &[StreamKey]) -> bool {
        let Some((link, carrier)) = &self.from else {
            return true;
        };
        let mut state = link.connection().lock();
        let known = state.session.claim_streams(*carrier, claimed);
        if let StreamCarrier::Answer(call) = *carrier {
            state.session.release(call);
        }
        known
    }
}

impl StreamSource for InboundStreams {
    fn streams(&self) -> Vec<Option<AttachedStream>> {
        let inner = self.lock();
        let streams = inner.streams.iter();
        streams
            .map(|stream| (!stream.is_result).then_some(stream.entry))
            .collect()
    }

    fn claim(&self, claims: Vec<(usize, Arc<Claim>)>) -> Result<(), DecodeError> {
        let mut inner = self.lock();
        if mem::replace(&mut inner.claimed, true) {
            return Err(DecodeError::new("its streams have been taken"));
        }
        let mut keys = Vec::with_capacity(claims.len());
        let mut ends = Vec::with_capacity(claims.len());
        for (at, claim) in claims {
            let Some(stream) = inner.streams.get_mut(at) else {
                continue;
            };
            keys.extend(stream.key);
            ends.extend(stream.end.take().map(|end| (claim, end)));
        }
        drop(inner);
        // After the end of the call nothing can be claimed, and the streams have ended.
        self.tell(&keys);
        for (claim, end) in ends {
            claim.settle(Box::new(end));
        }
        Ok(())
    }
}

impl Drop for InboundStreams {
    fn drop(&mut self) {
        let inner = mem::take(self.inner.get_mut());
        if !inner.claimed {
            self.tell(&[]);
        }
        // The streams have been refused, so dropping their halves sends nothing.
        drop(inner);
    }
}

impl fmt::Debug for InboundStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        let entries = inner.streams.iter().map(|stream| stream.entry);
        f.debug_list().entries(entries).finish()
    }
}
