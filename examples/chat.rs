//! A chat room: in one call, each member sends a stream of lines and receives a stream of events.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use chirp::{ItemError, Peer, Receiver, Sender, Server};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Event {
    /// The first event: the members of the room.
    Welcome {
        members: Vec<String>,
    },
    Joined {
        name: String,
    },
    Said {
        name: String,
        text: String,
    },
    Left {
        name: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Welcome { members } => write!(f, "here: {}", members.join(", ")),
            Self::Joined { name } => write!(f, "{name} has come"),
            Self::Said { name, text } => write!(f, "{name}: {text}"),
            Self::Left { name } => write!(f, "{name} has gone"),
        }
    }
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum ChatError {
    #[error("the name {name} is taken")]
    #[chirp(code = 1)]
    NameTaken { name: String },
    #[error("receiver too slow: missed {events} events")]
    #[chirp(code = 2)]
    TooSlow { events: u64 },
}

#[chirp::service]
trait Chat {
    /// Joins under a name, until `lines` ends or the returned stream is dropped.
    async fn join(
        &self,
        name: &str,
        lines: Receiver<String>,
    ) -> Result<impl Stream<Item = Result<Event, ChatError>>, ChatError>;
}

struct Room {
    members: Mutex<BTreeSet<String>>,
    events: broadcast::Sender<Event>,
}

/// A member of the room. Dropping it leaves the room, for any reason.
struct Member<'a> {
    room: &'a Room,
    name: String,
}

impl Room {
    fn new() -> Self {
        Self {
            members: Mutex::default(),
            events: broadcast::Sender::new(64),
        }
    }

    fn publish(&self, event: Event) {
        println!("{event}");
        // A send error means that there is no other member.
        let _ = self.events.send(event);
    }

    fn enter(
        &self,
        name: &str,
    ) -> Result<(Member<'_>, Event, broadcast::Receiver<Event>), ChatError> {
        let name = name.to_owned();
        // No member joins or leaves while the lock is held.
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if !members.insert(name.clone()) {
            return Err(ChatError::NameTaken { name });
        }
        let events = self.events.subscribe();
        let welcome = Event::Welcome {
            members: members.iter().cloned().collect(),
        };
        self.publish(Event::Joined { name: name.clone() });
        Ok((Member { room: self, name }, welcome, events))
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let members = self.room.members.lock();
        let mut members = members.unwrap_or_else(PoisonError::into_inner);
        members.remove(&self.name);
        let name = self.name.clone();
        self.room.publish(Event::Left { name });
    }
}

impl Chat for Room {
    async fn join(
        &self,
        name: &str,
        mut lines: Receiver<String>,
    ) -> Result<impl Stream<Item = Result<Event, ChatError>>, ChatError> {
        let (member, welcome, mut events) = self.enter(name)?;
        Ok(async_stream::stream! {
            yield Ok(welcome);
            loop {
                tokio::select! {
                    line = lines.recv() => {
                        // The end of the stream, or the loss of the member.
                        let Some(Ok(text)) = line else { break };
                        let name = member.name.clone();
                        self.publish(Event::Said { name, text });
                    }
                    event = events.recv() => match event {
                        Ok(event) => yield Ok(event),
                        // An error ends the stream.
                        Err(RecvError::Lagged(events)) => yield Err(ChatError::TooSlow { events }),
                        Err(RecvError::Closed) => break,
                    },
                }
            }
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = Server::builder()
        .service(ChatServer::new(Room::new()))
        .bind("tcp://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    let mut result = Ok(());
    server
        .run_until(async { result = talk(&address).await })
        .await;
    result
}

/// A member, with a connection of its own.
struct Seat {
    peer: Peer,
    lines: Sender<String>,
    events: Receiver<Event, ItemError<ChatError>>,
}

impl Seat {
    async fn take(address: &str, name: &str) -> anyhow::Result<Self> {
        let peer = chirp::connect(address).await?;
        // The receiver goes to the room for the duration of the call; the sender stays here.
        let (lines, theirs) = chirp::stream::channel();
        let mut events = ChatClient::new(&peer).join(name, theirs).await?;
        match events.recv().await.transpose()? {
            Some(Event::Welcome { members }) if members.iter().any(|member| member == name) => {}
            other => bail!("expected a welcome, received {other:?}"),
        }
        Ok(Self {
            peer,
            lines,
            events,
        })
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.lines.send(text.to_owned()).await?)
    }

    /// Reads until an event has arrived.
    async fn until(&mut self, wanted: Event) -> anyhow::Result<()> {
        while self.events.recv().await.context("the room is closed")?? != wanted {}
        Ok(())
    }

    async fn leave(mut self) -> anyhow::Result<()> {
        self.lines.finish();
        // Finishing makes the room end the stream. Dropping the sender would do the same.
        while self.events.recv().await.transpose()?.is_some() {}
        Ok(())
    }
}

fn said(name: &str, text: &str) -> Event {
    let (name, text) = (name.to_owned(), text.to_owned());
    Event::Said { name, text }
}

fn left(name: &str) -> Event {
    let name = name.to_owned();
    Event::Left { name }
}

async fn talk(address: &str) -> anyhow::Result<()> {
    let mut ann = Seat::take(address, "ann").await?;
    let bob = Seat::take(address, "bob").await?;
    let cleo = Seat::take(address, "cleo").await?;
    let Err(error) = Seat::take(address, "bob").await else {
        bail!("the name bob should be taken");
    };
    println!("(a second bob is rejected: {error})");

    let bob = tokio::spawn(drink_tea(bob));
    ann.say("who is for tea?").await?;
    ann.until(said("bob", "I am")).await?;
    // Cleo's program crashes.
    cleo.peer.close();
    ann.until(left("cleo")).await?;
    ann.say("then it is for us two").await?;
    bob.await??;
    ann.until(left("bob")).await?;
    ann.leave().await
}

async fn drink_tea(mut bob: Seat) -> anyhow::Result<()> {
    bob.until(said("ann", "who is for tea?")).await?;
    bob.say("I am").await?;
    bob.until(said("ann", "then it is for us two")).await?;
    bob.leave().await
}
