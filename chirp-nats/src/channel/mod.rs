//! Connections over NATS: addresses `nats://name`.

mod frame;
mod halves;
mod state;
mod task;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use async_nats::{Message, StatusCode, Subject, Subscriber};
use async_trait::async_trait;
use chirp_runtime::channel::{Channel, Endpoint, Incoming, Listener, OtherAddress, Scheme};
use futures_core::Stream;

use crate::connection::NatsLink;
use crate::error::NatsError;
use frame::{ChannelFrame, VERSION};
use halves::{NatsReader, NatsWriter};
use state::{ChannelShared, WINDOW};
use task::ChannelTask;

/// The queue group of listeners on one name.
const GROUP: &str = "q";

/// Addresses `nats://name`: connections through the cluster, for everything that one message cannot carry: streams, callbacks,
/// large values, ordered services, nodes.
///
/// ```no_run
/// use chirp_nats::Nats;
/// use chirp::PeerBuilder;
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let nats = Nats::connect("nats://127.0.0.1:4222").await?;
/// let peer = PeerBuilder::new().scheme("nats", nats.scheme()).connect("nats://files").await?;
/// # Ok(()) }
/// ```
///
/// A server listens on a name with the same scheme. Of several that listen on one name, each connection goes to one. The
/// bytes are those of every channel; NATS sees messages of at most its payload limit, whose numbers show any loss:
/// a connection ends with [`ConnectionReset`](io::ErrorKind::ConnectionReset) if a message was lost, and with
/// [`TimedOut`](io::ErrorKind::TimedOut) if the other side was silent for 10 s. It survives a lost connection to a server of NATS if no
/// message was lost.
///
/// Each side names the subject on which it receives. It must begin with `_`, as `_INBOX`, or with the inbox prefix of this
/// connection ([`NatsOptions::inbox_prefix`](crate::NatsOptions::inbox_prefix)); other connections are refused.
#[derive(Clone)]
pub struct NatsScheme {
    link: Arc<NatsLink>,
}

impl NatsScheme {
    pub(crate) fn new(link: Arc<NatsLink>) -> Self {
        Self { link }
    }
}

impl fmt::Debug for NatsScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsScheme").finish_non_exhaustive()
    }
}

#[async_trait]
impl Scheme for NatsScheme {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        let name = name(address)?;
        let link = &self.link;
        link.connected()
            .await
            .map_err(|text| io::Error::new(io::ErrorKind::NotConnected, text))?;
        let own = link.client.new_inbox();
        let mut messages = link.client.subscribe(own.clone()).await.map_err(unsent)?;
        let hello = ChannelFrame::Hello {
            version: VERSION,
            credit: WINDOW,
        };
        let subject = link.subjects.channel(name);
        let dialled = link.client.publish_with_reply(subject, own, hello.encode());
        dialled.await.map_err(unsent)?;
        let Some(answer) = next(&mut messages).await else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            let text = "nobody listens on the name (no responders)";
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
        }
        let (
            Some(ChannelFrame::Accept {
                version: VERSION,
                credit,
            }),
            Some(subject),
        ) = (ChannelFrame::decode(answer.payload), answer.reply)
        else {
            let text = "the answer is not that of a connection";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        check_inbox(link, &subject)?;
        let remote = Endpoint::Other(address.clone());
        Ok(open(link, messages, subject, credit).with_remote(remote))
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        let link = Arc::clone(&self.link);
        let subject = link.subjects.channel(name(address)?);
        let refusals = link.state.borrow().refusals;
        let requests = link.client.queue_subscribe(subject, GROUP.to_owned());
        let requests = requests
            .await
            .map_err(|error| io::Error::other(error.to_string()))?;
        link.subscribed(refusals).await.map_err(|error| {
            let kind = match error {
                NatsError::NotPermitted(_) => io::ErrorKind::PermissionDenied,
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, error)
        })?;
        Ok(Box::new(NatsListener {
            endpoint: Endpoint::Other(address.clone()),
            requests,
            link,
        }))
    }
}

/// Checks that the other side has named an inbox: everything of the connection is sent there, with the rights of this side.
fn check_inbox(link: &NatsLink, subject: &str) -> io::Result<()> {
    if link.may_answer(subject) {
        return Ok(());
    }
    let text = format!("the other side has named `{subject}`, which is no inbox");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Returns the name of an address.
fn name(address: &OtherAddress) -> io::Result<&str> {
    match address.rest() {
        "" => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name is missing: `nats://name`",
        )),
        name => Ok(name),
    }
}

/// Accepts connections on a name.
struct NatsListener {
    endpoint: Endpoint,
    requests: Subscriber,
    link: Arc<NatsLink>,
}

#[async_trait]
impl Listener for NatsListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        match self.incoming().await? {
            Some(incoming) => incoming.finish().await,
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let Some(request) = next(&mut self.requests).await else {
            return Ok(None);
        };
        let handshake = accept(Arc::clone(&self.link), request);
        Ok(Some(Incoming::unfinished(None, handshake)))
    }
}

async fn accept(link: Arc<NatsLink>, request: Message) -> io::Result<Channel> {
    let (
        Some(ChannelFrame::Hello {
            version: 1..,
            credit,
        }),
        Some(subject),
    ) = (ChannelFrame::decode(request.payload), request.reply)
    else {
        let text = "the request is not that of a connection";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    };
    check_inbox(&link, &subject)?;
    let own = link.client.new_inbox();
    let messages = link.client.subscribe(own.clone()).await.map_err(unsent)?;
    let accepted = ChannelFrame::Accept {
        version: VERSION,
        credit: WINDOW,
    };
    let accepted = link
        .client
        .publish_with_reply(subject.clone(), own, accepted.encode());
    accepted.await.map_err(unsent)?;
    Ok(open(&link, messages, subject, credit))
}

fn open(link: &Arc<NatsLink>, messages: Subscriber, subject: Subject, credit: u64) -> Channel {
    let shared = Arc::new(ChannelShared::new(credit));
    let task = ChannelTask {
        shared: Arc::clone(&shared),
        client: link.client.clone(),
        messages,
        subject: subject.clone(),
    };
    tokio::spawn(task.run());
    let writer = NatsWriter {
        shared: Arc::clone(&shared),
        client: link.client.clone(),
        subject,
    };
    Channel::new(NatsReader(shared), writer)
}

async fn next(messages: &mut Subscriber) -> Option<Message> {
    poll_fn(|cx| Pin::new(&mut *messages).poll_next(cx)).await
}

fn unsent(error: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, error.to_string())
}
