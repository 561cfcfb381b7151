//! Stream halves in the arguments of one-way calls.

use chirp::packet::FrameworkError;
use chirp::stream::channel;
use chirp::{CallError, Negotiation, Peer, PeerBuilder, Receiver, Sender, Server};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::support::{LINKS_AND_PROXY, Link, channels, connected, idle};

#[derive(Debug, Serialize, Deserialize)]
struct Both {
    numbers: Receiver<u64>,
    back: Sender<u64>,
}

#[chirp::service]
trait Notes {
    #[chirp(oneway)]
    async fn note(&self, name: &str, both: Option<Both>);
    async fn word(&self) -> u64;
}

struct Server_ {
    noted: mpsc::UnboundedSender<String>,
}

impl Notes for Server_ {
    /// Echoes the items, and one more.
    async fn note(&self, name: &str, both: Option<Both>) {
        let Both {
            mut numbers,
            mut back,
        } = both.expect("given");
        let mut came = 0;
        while let Some(number) = numbers.recv().await {
            back.send(number.expect("whole")).await.expect("taken");
            came += 1;
        }
        back.send(came).await.expect("taken");
        back.finish();
        self.noted.send(format!("{name} {came}")).expect("heard");
    }

    async fn word(&self) -> u64 {
        7
    }
}

/// The call is sent before its streams have items.
async fn note(client: &NotesClient, noted: &mut mpsc::UnboundedReceiver<String>) {
    for count in [0, 1, 300] {
        let (mut sender, numbers) = channel();
        let (back, mut returned) = channel();
        let both = Both { numbers, back };
        client.note("one", Some(both)).await.expect("sent");
        let feed = async move {
            for number in 0..count {
                sender.send(number).await.expect("taken");
            }
            sender.finish();
        };
        let take = async {
            for number in (0..count).chain([count]) {
                let item = returned.recv().await.expect("one").expect("whole");
                assert_eq!(item, number);
            }
            assert!(returned.recv().await.is_none());
        };
        tokio::join!(feed, take);
        assert_eq!(noted.recv().await.expect("said"), format!("one {count}"));
    }
}

fn server() -> (Server_, mpsc::UnboundedReceiver<String>) {
    let (noted, heard) = mpsc::unbounded_channel();
    (Server_ { noted }, heard)
}

async fn over(link: Link) -> (NotesClient, [Peer; 2], mpsc::UnboundedReceiver<String>) {
    let (server, noted) = server();
    let builder = PeerBuilder::new().service(NotesServer::new(server));
    let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
    (NotesClient::new(&peer), [peer, other], noted)
}

#[tokio::test]
async fn a_one_way_method_uses_its_stream_halves() {
    let (local, mut noted) = server();
    note(&NotesClient::local(local), &mut noted).await;
    for link in LINKS_AND_PROXY {
        let (client, peers, mut noted) = over(link).await;
        note(&client, &mut noted).await;
        for peer in &peers {
            idle(peer).await;
        }
    }
    let (local, mut noted) = server();
    let server = Server::builder()
        .service(NotesServer::new(local))
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let running = tokio::spawn(server.run());
    let link = PeerBuilder::new()
        .reconnecting(&*address)
        .expect("an address");
    note(&NotesClient::new(&link), &mut noted).await;
    running.abort();
}

/// A half dropped with its unsent call leaves nothing.
#[tokio::test]
async fn an_unsent_one_way_call_leaves_no_streams() {
    let (client, peers, _noted) = over(Link::Memory).await;
    for start in [true, false] {
        let (sender, numbers) = channel();
        let (back, mut returned) = channel();
        let cast = client.note("one", Some(Both { numbers, back }));
        // The call waits for the other side's hello answer.
        let cast = if start { cast.start() } else { cast };
        drop(cast);
        returned.recv().await.expect("an end").expect_err("unused");
        drop(sender);
        for peer in &peers {
            idle(peer).await;
        }
        assert_eq!(client.word().await.expect("answered"), 7);
    }
}

/// Without stream support at the other side the call fails, whether that is known yet or not.
#[tokio::test]
async fn a_one_way_call_to_a_side_without_streams_is_refused() {
    let (local, _noted) = server();
    let builder = PeerBuilder::new()
        .service(NotesServer::new(local))
        .negotiation(Negotiation::Disabled);
    let (one, other) = channels(Link::Memory).await;
    let peer = PeerBuilder::new().start(one).expect("no duplicates");
    let other = builder.start(other).expect("no duplicates");
    let client = NotesClient::new(&peer);
    for _ in 0..2 {
        let (mut sender, numbers) = channel();
        let (back, mut returned) = channel();
        let error = client.note("one", Some(Both { numbers, back })).await;
        let error = error.expect_err("refused");
        let refused = matches!(
            error,
            CallError::Rejected {
                reason: FrameworkError::Unsupported,
                ..
            }
        );
        assert!(refused, "{error:?}");
        assert!(!error.is_transient() && !error.may_have_run());
        returned.recv().await.expect("an end").expect_err("unused");
        sender.closed().await;
    }
    for peer in [&peer, &other] {
        idle(peer).await;
    }
}
