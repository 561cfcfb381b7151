use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, Event, ServerAddr, ServerError};
use tokio::sync::watch;

use crate::connection::{LinkState, Nats};
use crate::error::NatsError;
use crate::subject::Subjects;

/// The interval between questions for a sign of life of the server. The client of NATS gives up after three, and its own default is a minute.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to connect again.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The text of servers of NATS about a subscription that they refuse, in lower case.
const REFUSED_SUBSCRIPTION: &str = "permissions violation for subscription";

/// The text of servers of NATS about a message that they refuse, in lower case. Its subject follows.
const REFUSED_MESSAGE: &str = "permissions violation for publish";

/// The settings of a connection to NATS.
///
/// ```no_run
/// use chirp_nats::NatsOptions;
///
/// # async fn connect() -> Result<(), chirp_nats::NatsError> {
/// let nats = NatsOptions::new()
///     .name("billing")
///     .credentials_file("/etc/billing/nats.creds")
///     .connect("nats://nats-1:4222,nats://nats-2:4222")
///     .await?;
/// # Ok(()) }
/// ```
#[must_use]
#[derive(Clone)]
pub struct NatsOptions {
    client: ConnectOptions,
    credentials: Option<PathBuf>,
    prefix: Option<String>,
    pub(crate) max_wait: Duration,
}

impl NatsOptions {
    /// Creates settings without credentials.
    pub fn new() -> Self {
        let client = ConnectOptions::new()
            .ping_interval(PING_INTERVAL)
            // Subjects of this crate are valid, and those for answers have passed a server.
            .skip_subject_validation(true)
            .reconnect_delay_callback(|attempts| {
                let doubled = Duration::from_millis(10 << attempts.min(7));
                jittered(doubled.min(MAX_PAUSE))
            });
        Self {
            client,
            credentials: None,
            prefix: None,
            max_wait: Duration::from_secs(5),
        }
    }

    /// Sets the name of the connection, which the servers of NATS report.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.client = self.client.name(name.into());
        self
    }

    /// Authenticates with the JWT and the key of a credentials file. The file is read by [`connect`](Self::connect).
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials = Some(path.into());
        self
    }

    /// Authenticates with the seed of an nkey.
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.client = self.client.nkey(seed.into());
        self
    }

    /// Authenticates with a token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.client = self.client.token(token.into());
        self
    }

    /// Authenticates with a user name and a password.
    pub fn user_and_password(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.client = self.client.user_and_password(user.into(), password.into());
        self
    }

    /// Requires TLS. Addresses `tls://host:port` require it, too.
    pub fn require_tls(mut self) -> Self {
        self.client = self.client.require_tls(true);
        self
    }

    /// Trusts the authorities in a PEM file, besides those of the system.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.client = self.client.add_root_certificates(path.into());
        self
    }

    /// Authenticates with a certificate and its key, from PEM files.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let (certificate, key) = (certificate.into(), key.into());
        self.client = self.client.add_client_certificate(certificate, key);
        self
    }

    /// Sets a prefix of all subjects, so that several deployments share one cluster: with `prod`, the method `Arith.sum` has
    /// the subject `prod.Arith.sum`. Callers and servers must have the same.
    pub fn subject_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets the prefix of the subjects for answers, in place of `_INBOX`, so that permissions can tell clients apart. It should
    /// begin with `_`: other inboxes get answers only from connections with the same prefix and from servers that allow them
    /// ([`NatsServerBuilder::answer_inboxes`](crate::NatsServerBuilder::answer_inboxes)).
    pub fn inbox_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.client = self.client.custom_inbox_prefix(prefix.into());
        self
    }

    /// Sets how long a call waits while there is no connection to NATS, or while the connection takes no messages. After that it fails with
    /// [`CallError::NotConnected`](chirp_runtime::peer::CallError::NotConnected), and was not sent. The default is 5 s.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Sets how many messages of one subscription wait in this process, 65,536 by default. The client of NATS discards further
    /// ones.
    pub fn subscription_capacity(mut self, messages: usize) -> Self {
        self.client = self.client.subscription_capacity(messages.max(1));
        self
    }

    /// Connects to the first reachable of the servers: addresses such as `nats://host:4222`, separated by commas. Later
    /// the connection is made again as often as it is lost, also to servers that the cluster names.
    ///
    /// # Errors
    ///
    /// [`NatsError`] if an address, a prefix or the credentials file is not valid, if no server can be reached, or if the
    /// servers refuse the credentials.
    pub async fn connect(self, addresses: impl AsRef<str>) -> Result<Nats, NatsError> {
        let addresses = addresses.as_ref();
        let parse = |address: &str| {
            let parsed = address.trim().parse::<ServerAddr>();
            parsed.map_err(|error| {
                NatsError::Settings(format!("invalid address `{address}`: {error}"))
            })
        };
        let servers = addresses.split(',').map(parse);
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let prefix = self.prefix.as_deref();
        let subjects = Subjects::new(prefix).ok_or_else(|| {
            let prefix = prefix.unwrap_or_default();
            NatsError::Settings(format!(
                "invalid subject prefix `{prefix}`: tokens separated by dots"
            ))
        })?;
        let mut client = self.client;
        if let Some(path) = &self.credentials {
            client = client.credentials_file(path).await.map_err(|error| {
                NatsError::Settings(format!("credentials file {}: {error}", path.display()))
            })?;
        }
        let (state, watched) = watch::channel(LinkState::default());
        let state = Arc::new(state);
        let client = client.event_callback(move |event| {
            let state = Arc::clone(&state);
            async move {
                note(&state, &event);
            }
        });
        let connected = client.connect(servers).await;
        let client = connected.map_err(|error| NatsError::Connect {
            addresses: addresses.to_owned(),
            reason: error.to_string(),
        })?;
        Nats::start(client, watched, subjects, self.max_wait).await
    }
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions")
            .field("prefix", &self.prefix)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}

/// Notes an event of the connection.
fn note(state: &watch::Sender<LinkState>, event: &Event) {
    if let Event::ServerError(error) = event {
        tracing::warn!("NATS: {error}");
    } else {
        tracing::debug!("NATS: {event}");
    }
    state.send_modify(|state| match event {
        Event::Connected => state.connections += 1,
        Event::Closed => state.closed = true,
        Event::SlowConsumer(_) => state.discarded += 1,
        Event::ServerError(ServerError::Other(text)) => {
            let lower = text.to_ascii_lowercase();
            if lower.contains(REFUSED_SUBSCRIPTION) {
                state.refusals += 1;
                state.last_refusal.clone_from(text);
            } else if lower.contains(REFUSED_MESSAGE) {
                state.refused_message.clone_from(text);
            }
        }
        _ => {}
    });
}

/// Takes off up to half of a pause, so that clients do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(0);
    pause.mul_f64(1.0 - f64::from(random) / f64::from(u32::MAX) / 2.0)
}
