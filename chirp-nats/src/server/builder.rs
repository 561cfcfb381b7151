use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use bytes::Bytes;
use chirp_runtime::layer::MethodMetrics;
use chirp_runtime::packet::DESCRIBE_METHOD;
use chirp_runtime::peer::{AccessPolicy, Caller, Layer, RouteError, Router};
use chirp_runtime::reflect::Description;
use chirp_runtime::service::Service;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::NatsServer;
use super::durable::DurableReception;
use super::endpoint::Endpoints;
use super::in_progress::InProgress;
use super::micro::{self, MicroService};
use super::serving::{Audience, Phase, PhaseSignals, Reception, SharedServer};
use crate::connection::NatsLink;
use crate::error::NatsError;

/// Builds a [`NatsServer`].
///
/// Each method becomes an endpoint of NATS micro, with the subject of its name, so that `nats micro ls`, `info` and `stats` list
/// it, and any client of NATS can call it in JSON: `nats request Arith.sum_diff '{"a":1,"b":2}'`. Such a call may take 60 s, unless
/// its header `Chirp-Timeout` sets another limit, in milliseconds.
///
/// The permissions of NATS say who may send to a subject. Handlers see [`Identity::Anonymous`](chirp_runtime::channel::Identity),
/// since messages do not tell who sent them, unless [`trust_request_info`](Self::trust_request_info) is set.
#[must_use = "the server runs once it is started"]
pub struct NatsServerBuilder {
    link: Arc<NatsLink>,
    router: Router,
    error: Option<RouteError>,
    access: Option<AccessPolicy>,
    version: String,
    queue_group: String,
    max_concurrent_handlers: usize,
    shutdown_timeout: Duration,
    trust_request_info: bool,
    durable: Option<String>,
    durable_attempts: Option<u32>,
    inboxes: Vec<String>,
}

impl NatsServerBuilder {
    pub(crate) fn new(link: Arc<NatsLink>) -> Self {
        let mut router = Router::default();
        router.reflect();
        Self {
            link,
            router,
            error: None,
            access: None,
            version: "0.1.0".to_owned(),
            queue_group: "q".to_owned(),
            max_concurrent_handlers: 4_096,
            shutdown_timeout: Duration::from_secs(30),
            trust_request_info: false,
            durable: None,
            durable_attempts: None,
            inboxes: Vec::new(),
        }
    }

    /// Serves the methods of a service.
    pub fn service(mut self, service: impl Service) -> Self {
        if let Err(error) = service.register(&mut self.router) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Adds a layer around all handlers, inside of the layers that were added before.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.router.layer(layer);
        self
    }

    /// Counts the calls of each method, as [`MethodMetrics`] does everywhere.
    pub fn metrics(self, metrics: &MethodMetrics) -> Self {
        self.layer(metrics.clone())
    }

    /// Restricts calls to those that `access` allows.
    pub fn access(mut self, access: AccessPolicy) -> Self {
        self.access = Some(access);
        self
    }

    /// Believes the header `Nats-Request-Info`: its user, or else its account, becomes the caller's
    /// [`Identity::Account`](chirp_runtime::channel::Identity).
    ///
    /// Servers of NATS write the header where an account imports the service of another with `share: true`. A client in the *same* account
    /// can write anything there. Set this only if none can send to the subjects of this server.
    pub fn trust_request_info(mut self) -> Self {
        self.trust_request_info = true;
        self
    }

    /// Answers callers whose inboxes begin with this text, too: those of clients with an inbox prefix of their own.
    ///
    /// A caller names the subject for its answer, and the answer is sent with the rights of this server. So by default
    /// only subjects that begin with `_`, as `_INBOX`, get answers: no service has such a subject. Other requests are discarded.
    pub fn answer_inboxes(mut self, prefix: impl Into<String>) -> Self {
        self.inboxes.push(prefix.into());
        self
    }

    /// Sets the version that listings of services show: a semantic version such as `1.2.0`, by default `0.1.0`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the queue group, of whose servers each call goes to one. The default is `q`, as in NATS micro. Servers in different groups
    /// all receive each call, and the first answer counts.
    pub fn queue_group(mut self, name: impl Into<String>) -> Self {
        self.queue_group = name.into();
        self
    }

    /// Sets how many calls run at once, 4,096 by default. Further ones are refused as *overloaded*, and callers with a retry policy find
    /// another server.
    pub fn max_concurrent_handlers(mut self, limit: usize) -> Self {
        self.max_concurrent_handlers = limit;
        self
    }

    /// Sets how long [`NatsServer::close`] waits for handlers, 30 s by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Runs the durable calls of one-way methods, too, from this stream of JetStream: see
    /// [`Nats::durable`](crate::Nats::durable). The stream must exist. Each method has a consumer, which the servers of a queue group
    /// share and which remains when they end.
    ///
    /// A call whose arguments or caller are refused is given up; after a panic it is repeated after 1 s, and then after longer
    /// pauses of up to a minute, as often as [`durable_attempts`](Self::durable_attempts) says.
    pub fn durable(mut self, stream: impl Into<String>) -> Self {
        self.durable = Some(stream.into());
        self
    }

    /// Sets after how many deliveries a durable call is given up whose handler panics. By default it is repeated until it has run:
    /// then a call that can never succeed remains in the stream, and 20,000 of them keep others of its method out.
    pub fn durable_attempts(mut self, deliveries: u32) -> Self {
        self.durable_attempts = Some(deliveries);
        self
    }

    /// Starts the server. When this returns, the server of NATS that this process is connected to knows every subject.
    ///
    /// # Errors
    ///
    /// [`NatsError`] if two services have a method of one name, if the version or the queue group is not valid, or if the server of NATS
    /// does not permit the subscriptions or cannot be reached.
    pub async fn start(mut self) -> Result<NatsServer, NatsError> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        if !micro::is_version(&self.version) {
            let text = format!("version `{}` is not a semantic version", self.version);
            return Err(NatsError::Settings(text));
        }
        let description = describe(&self.router).await?;
        if let Some(access) = self.access.take() {
            self.router.access(access);
        }
        let mut id = [0; 11];
        getrandom::fill(&mut id).map_err(|error| NatsError::Settings(error.to_string()))?;
        let id = Bytes::copy_from_slice(&id);
        let id = format!("{id:X}");
        let endpoints = Endpoints::new(&description, &self.link.subjects);
        let serving = Arc::new(SharedServer {
            subject: self.link.subjects.worker(&id),
            id,
            caller: Caller::local(self.router),
            endpoints: endpoints.list,
            in_progress: Arc::new(InProgress::new(self.max_concurrent_handlers)),
            queue_group: self.queue_group,
            trust_request_info: self.trust_request_info,
            durable_attempts: self.durable_attempts,
            inboxes: self.inboxes,
            link: self.link,
        });
        let refusals = serving.link.state.borrow().refusals;
        let (phase, watched) = watch::channel(Phase::Open);
        let (subscribed, unsubscribed) = mpsc::channel(1);
        let signals = PhaseSignals {
            phase: watched,
            subscribed,
        };
        let mut receivers = JoinSet::new();
        for (at, endpoint) in serving.endpoints.iter().enumerate() {
            for (subject, audience) in [
                (&endpoint.subject, Audience::One),
                (&endpoint.everyone, Audience::Everyone),
            ] {
                let group = (audience == Audience::One).then_some(&serving.queue_group);
                let requests = subscribe(&serving.link, subject, group).await?;
                let reception = Reception::requests(&serving, at, audience);
                receivers.spawn(reception.run(requests, signals.clone()));
            }
        }
        let own = subscribe(&serving.link, &serving.subject, None).await?;
        receivers.spawn(Reception::cancels(&serving).run(own, signals.clone()));
        for service in endpoints.services {
            let service = Arc::new(MicroService::new(&serving, service, &self.version));
            for (subject, verb) in service.subjects() {
                let questions = subscribe(&serving.link, &subject, None).await?;
                let service = Arc::clone(&service);
                receivers.spawn(service.answer(verb, questions, signals.clone()));
            }
        }
        if let Some(name) = &self.durable {
            let stream = DurableReception::stream(&serving, name).await?;
            for (at, endpoint) in serving.endpoints.iter().enumerate() {
                if let Some(subject) = &endpoint.durable {
                    let calls = DurableReception::new(&serving, at, subject, &stream).await?;
                    receivers.spawn(calls.run(signals.clone()));
                }
            }
        }
        drop(signals);
        serving.link.subscribed(refusals).await?;
        Ok(NatsServer {
            serving,
            phase,
            unsubscribed,
            receivers,
            shutdown_timeout: self.shutdown_timeout,
        })
    }
}

impl fmt::Debug for NatsServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsServerBuilder")
            .field("router", &self.router)
            .field("version", &self.version)
            .field("queue_group", &self.queue_group)
            .finish_non_exhaustive()
    }
}

async fn subscribe(
    link: &NatsLink,
    subject: &str,
    group: Option<&String>,
) -> Result<Subscriber, NatsError> {
    let subject = subject.to_owned();
    let subscribed = match group {
        Some(group) => link.client.queue_subscribe(subject, group.clone()).await,
        None => link.client.subscribe(subject).await,
    };
    subscribed.map_err(|error| NatsError::Settings(error.to_string()))
}

/// Describes all methods.
async fn describe(router: &Router) -> Result<Description, NatsError> {
    let described = Caller::local(router.clone()).call(DESCRIBE_METHOD, &b""[..]);
    let invalid =
        |error: String| NatsError::Settings(format!("the services cannot be described: {error}"));
    let json = described
        .await
        .map_err(|error| invalid(error.to_string()))?;
    Description::from_json(&json).map_err(|error| invalid(error.to_string()))
}
