//! Durable one-way calls: messages of a stream of JetStream, acknowledged after their handlers have run.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::stream::Stream as JetStream;
use async_nats::jetstream::{self, AckKind, Message};
use chirp_runtime::packet::FrameworkError;
use chirp_runtime::peer::CallError;
use futures_core::Stream;
use tokio::task::JoinSet;
use tokio::time::interval;

use super::serving::{Audience, InboundMessage, Phase, PhaseSignals, SharedServer};
use crate::connection::{at_once, soon};
use crate::error::NatsError;
use crate::headers::RequestHeaders;
use crate::subject::listed;

/// After this time without an acknowledgement or a sign of life, JetStream gives a message to another server.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Messages of a method that one server handles at once.
const MAX_RUNNING: usize = 64;

/// Messages of a method that all servers handle at once, with those that wait to be handled again after a panic: these must not keep
/// others out.
const MAX_ACK_PENDING: i64 = 20_000;

/// The longest pause before a message is handled again.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// Receives the durable calls of one method.
pub(super) struct DurableReception {
    serving: Arc<SharedServer>,
    endpoint: usize,
    consumer: PullConsumer,
}

/// The fate of a message after its handler.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The handler has run.
    Done,
    /// No server could ever handle it.
    Never,
    /// It did not run, or not to its end.
    Later,
    /// The handler has panicked.
    Panicked,
}

impl DurableReception {
    /// Finds the stream of durable calls.
    pub(super) async fn stream(serving: &SharedServer, name: &str) -> Result<JetStream, NatsError> {
        let context = jetstream::new(serving.link.client.clone());
        let stream = context.get_stream(name).await;
        stream.map_err(|error| NatsError::JetStream(format!("stream `{name}`: {error}")))
    }

    /// Makes the consumer of a method, which all servers of a queue group share.
    pub(super) async fn new(
        serving: &Arc<SharedServer>,
        endpoint: usize,
        subject: &str,
        stream: &JetStream,
    ) -> Result<Self, NatsError> {
        let name = listed(&format!("chirp-{}-{subject}", serving.queue_group));
        let config = Config {
            durable_name: Some(name.clone()),
            filter_subject: subject.to_owned(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_ACK_PENDING,
            ..Config::default()
        };
        let consumer = stream.get_or_create_consumer(&name, config).await;
        let consumer = consumer
            .map_err(|error| NatsError::JetStream(format!("consumer `{name}`: {error}")))?;
        // The name does not tell every subject apart, and a consumer that exists is taken as it is.
        let found = &consumer.cached_info().config;
        if found.filter_subject != subject || found.ack_policy != AckPolicy::Explicit {
            let text = format!(
                "consumer `{name}` exists, for other messages than those to `{subject}` or without acknowledgements"
            );
            return Err(NatsError::JetStream(text));
        }
        Ok(Self {
            serving: Arc::clone(serving),
            endpoint,
            consumer,
        })
    }

    /// Handles messages until the server ends.
    pub(super) async fn run(self, signals: PhaseSignals) {
        let PhaseSignals {
            mut phase,
            subscribed,
        } = signals;
        let mut running = JoinSet::new();
        {
            let over = phase.wait_for(|phase| *phase >= Phase::Unsubscribing);
            tokio::select! {
                _ = over => {}
                () = self.receive(&mut running) => {}
            }
        }
        // Messages that were not started are given to other servers.
        drop(subscribed);
        while running.join_next().await.is_some() {}
    }

    async fn receive(&self, running: &mut JoinSet<()>) {
        loop {
            let mut messages = self.messages().await;
            loop {
                while running.len() >= MAX_RUNNING {
                    running.join_next().await;
                }
                while running.try_join_next().is_some() {}
                match poll_fn(|cx| Pin::new(&mut messages).poll_next(cx)).await {
                    Some(Ok(message)) => {
                        running.spawn(handle(Arc::clone(&self.serving), self.endpoint, message));
                    }
                    Some(Err(error)) => {
                        tracing::debug!("durable calls: {error}");
                        break;
                    }
                    None => break,
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn messages(&self) -> Messages {
        loop {
            let stream = self.consumer.stream().max_messages_per_batch(MAX_RUNNING);
            match stream.messages().await {
                Ok(messages) => return messages,
                Err(error) => tracing::warn!("durable calls cannot be received: {error}"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn handle(serving: Arc<SharedServer>, endpoint: usize, message: Message) {
    let mut verdict = Verdict::Later;
    if let Some(place) = serving.in_progress.enter() {
        let mut fields = RequestHeaders::decode(message.headers.as_ref(), None);
        // The time began when the call was stored.
        fields.timeout = None;
        let invalid = fields.invalid.take();
        let request = InboundMessage {
            serving: Arc::clone(&serving),
            endpoint,
            audience: Audience::One,
            form: fields.form,
            reply: None,
            started: Instant::now(),
            place: Some(place),
        };
        let mut call = request.call(message.payload.clone(), fields, None);
        let noted = serving.in_progress.note_one_way();
        let mut signs = interval(ACK_WAIT / 3);
        signs.reset();
        let answer = loop {
            if let Some(error) = invalid {
                break Some(Err(CallError::Metadata(error)));
            }
            tokio::select! {
                biased;
                answer = &mut call => break Some(answer),
                () = noted.cancelled() => break None,
                _ = signs.tick() => {
                    let _ = at_once(message.ack_with(AckKind::Progress)).await;
                }
            }
        };
        drop(noted);
        drop(call);
        if let Some(answer) = answer {
            verdict = Verdict::of(&answer);
            request.finish(answer).await;
        }
    }
    let attempts = message.info().map_or(1, |info| info.delivered);
    let most = serving.durable_attempts.map(i64::from);
    let kind = match verdict {
        Verdict::Done => AckKind::Ack,
        Verdict::Never => AckKind::Term,
        Verdict::Panicked if most.is_some_and(|most| attempts >= most) => {
            tracing::error!(
                "a durable call to {} is given up: its handler has panicked, and it was delivered {attempts} times",
                serving.endpoints[endpoint].subject
            );
            AckKind::Term
        }
        Verdict::Later | Verdict::Panicked => {
            let doubled = Duration::from_secs(1 << attempts.clamp(1, 7) >> 1);
            AckKind::Nak(Some(doubled.min(MAX_PAUSE)))
        }
    };
    // Without the acknowledgement, JetStream delivers the message again.
    match soon(message.ack_with(kind)).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::warn!("a durable call was not acknowledged: {error}"),
        None => tracing::warn!(
            "a durable call was not acknowledged: the connection to NATS takes no messages"
        ),
    }
}

impl Verdict {
    fn of<T>(answer: &Result<T, CallError>) -> Self {
        match answer {
            Err(CallError::Rejected { reason, .. }) => match reason {
                FrameworkError::InvalidArguments
                | FrameworkError::PermissionDenied
                | FrameworkError::Unsupported => Self::Never,
                FrameworkError::Panicked { .. } => Self::Panicked,
                _ => Self::Later,
            },
            Err(CallError::UnknownMethod { .. } | CallError::Metadata(_)) => Self::Never,
            Err(CallError::DeadlineExceeded { .. }) => Self::Later,
            // The method's own error is its result.
            Ok(_) | Err(_) => Self::Done,
        }
    }
}
