use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::codec::CodecId;
use crate::packet::{AttachedStream, Attachment, Attachments, Payload};
use crate::peer::StreamError;
use crate::peer::forward::forwarded_stream_error;
use crate::peer::stream::call_stream::CallStream;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::endpoint::{DetachedHalf, StreamEndpoint};
use crate::peer::stream::producer::Producer;

/// The number of items after which a relay yields.
const ITEMS: usize = 64;

/// The streams of a value that is forwarded in encoded form.
#[derive(Default)]
pub(in crate::peer) struct Forwarded {
    attachments: Vec<Attachment>,
    /// The stream that the caller wants as the result, and the codec of its items if that is known.
    pub(in crate::peer) result: Option<(Producer, Option<CodecId>)>,
    pub(in crate::peer) deliveries: Deliveries,
}

/// The relays to the caller whose streams end with the call. A response that overtook them would cut off their items.
#[derive(Default)]
pub(in crate::peer) struct Deliveries(Vec<oneshot::Receiver<Infallible>>);

impl Deliveries {
    /// Waits until the relays have ended.
    pub(in crate::peer) async fn ended(self) {
        for relay in self.0 {
            // A relay sends nothing: it drops its half.
            let _ = relay.await;
        }
    }
}

impl Forwarded {
    /// Adds a stream, of which this side has the half `near`.
    pub(in crate::peer) fn attach(&mut self, entry: AttachedStream, near: StreamEndpoint) {
        let mut ended = None;
        if entry.bound && !entry.outward {
            let (relay, delivery) = oneshot::channel();
            self.deliveries.0.push(delivery);
            ended = Some(relay);
        }
        let attachment =
            DetachedHalf::attachment(entry, None, move |far, runtime| match (near, far) {
                (StreamEndpoint::Consumer(consumer), StreamEndpoint::Producer(producer))
                | (StreamEndpoint::Producer(producer), StreamEndpoint::Consumer(consumer)) => {
                    runtime.spawn(async move {
                        relay(consumer, producer).await;
                        drop(ended);
                    });
                }
                // The entry determines the direction, so the halves match.
                _ => {}
            });
        self.attachments.push(attachment);
    }

    /// Returns the encoded value with its streams.
    pub(in crate::peer) fn payload(&mut self, bytes: impl Into<Payload>) -> Payload {
        let mut attachments = Attachments::default();
        attachments.append(&mut self.attachments);
        bytes.into().attach(attachments)
    }
}

/// Forwards all items of a stream, and its end. Items stay encoded; the streams that come with them are forwarded, too.
async fn relay(mut consumer: Consumer, mut producer: Producer) {
    let next = |cx: &mut Context<'_>| consumer.poll_bytes(cx);
    match relay_items(next, &mut producer).await {
        Ok(()) => producer.finish(),
        // A cancelled stream is cancelled at the target, too.
        Err(Stopped::Failed(StreamError::Cancelled) | Stopped::Gone(_)) => {}
        Err(Stopped::Failed(error)) => producer.fail(forwarded_stream_error(error)),
    }
}

/// Forwards the stream that is the result of a call.
///
/// # Errors
///
/// The error of the call, or the reason why the target accepts no more items.
pub(in crate::peer) async fn relay_result(
    mut of_call: CallStream,
    mut producer: Producer,
) -> Result<(), StreamError> {
    producer.begin();
    let next = |cx: &mut Context<'_>| of_call.poll_next(cx, Consumer::poll_bytes);
    match relay_items(next, &mut producer).await {
        Ok(()) => {
            producer.finish();
            Ok(())
        }
        Err(Stopped::Failed(error) | Stopped::Gone(error)) => Err(error),
    }
}

/// The reason why forwarding stopped early.
enum Stopped {
    /// The source aborted the stream. Earlier items have been forwarded.
    Failed(StreamError),
    /// The target accepts no more items.
    Gone(StreamError),
}

async fn relay_items(
    mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Payload, StreamError>>>,
    producer: &mut Producer,
) -> Result<(), Stopped> {
    let mut end = None;
    poll_fn(|cx| {
        let mut left = ITEMS;
        while end.is_none() {
            ready!(producer.poll_ready(cx)).map_err(Stopped::Gone)?;
            if left == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            left -= 1;
            match next(cx) {
                Poll::Ready(Some(Ok(item))) => producer.put_bytes(item).map_err(Stopped::Gone)?,
                Poll::Ready(Some(Err(error))) => end = Some(Err(Stopped::Failed(error))),
                Poll::Ready(None) => end = Some(Ok(())),
                Poll::Pending => {
                    producer.flush().map_err(Stopped::Gone)?;
                    let closed = producer.poll_closed(cx);
                    return closed.map(|error| Err(Stopped::Gone(error)));
                }
            }
        }
        ready!(producer.poll_flush(cx)).map_err(Stopped::Gone)?;
        Poll::Ready(mem::take(&mut end).unwrap_or(Ok(())))
    })
    .await
}
