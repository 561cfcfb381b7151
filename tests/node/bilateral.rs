//! The checks BI-T1 to BI-T20, by number, on both runtimes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::{
    AsCaller, CallContext, CallError, Node, NodeBuilder, NodeEvent, NodeState, Peer, Request,
};
use tokio::sync::Notify;

use crate::nodes::{ArithClient, address, connected, event, node, refused, sees};
use crate::raw::{Raw, join};
use crate::support::{in_time, on_both_runtimes, request, response};

/// What a [`Recorder`] has seen: the sender's name, the message's name, and its content.
type Seen = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

#[chirp::service]
trait Messages {
    async fn put(&self, cx: &CallContext, name: &str, body: &[u8]) -> usize;
    #[chirp(oneway)]
    async fn cast(&self, cx: &CallContext, name: String);
    /// Arguments by value, by reference, and numbers that are no structs.
    async fn owned(&self, text: String, list: Vec<u32>) -> String;
    async fn borrowed(&self, text: &str, list: &[u32]) -> String;
    async fn number(&self, value: u8) -> u8;
    /// Waits forever.
    async fn wait(&self) -> u8;
}

struct Recorder {
    seen: Seen,
    arrived: Arc<Notify>,
}

impl Recorder {
    fn new() -> (Self, Seen, Arc<Notify>) {
        let (seen, arrived) = (Seen::default(), Arc::new(Notify::new()));
        let recorder = Self {
            seen: Arc::clone(&seen),
            arrived: Arc::clone(&arrived),
        };
        (recorder, seen, arrived)
    }

    fn record(&self, cx: &CallContext, name: &str, body: &[u8]) {
        let sender = cx.node().expect("a node calls").to_owned();
        let mut seen = self.seen.lock().unwrap();
        seen.push((sender, name.to_owned(), body.to_vec()));
        self.arrived.notify_one();
    }
}

impl Messages for Recorder {
    async fn put(&self, cx: &CallContext, name: &str, body: &[u8]) -> usize {
        self.record(cx, name, body);
        body.len()
    }

    async fn cast(&self, cx: &CallContext, name: String) {
        self.record(cx, &name, &[]);
    }

    async fn owned(&self, text: String, list: Vec<u32>) -> String {
        format!("{text} {list:?}")
    }

    async fn borrowed(&self, text: &str, list: &[u32]) -> String {
        format!("{text} {list:?}")
    }

    async fn number(&self, value: u8) -> u8 {
        value + 1
    }

    async fn wait(&self) -> u8 {
        self.arrived.notify_one();
        std::future::pending().await
    }
}

/// A node with a recorder.
fn recording(name: &str) -> (NodeBuilder, Seen, Arc<Notify>) {
    let (recorder, seen, arrived) = Recorder::new();
    (
        node(name).service(MessagesServer::new(recorder)),
        seen,
        arrived,
    )
}

/// Names and addresses of nodes, in plain text or with keys as names.
struct Network {
    #[cfg(feature = "tls")]
    keys: Option<Vec<chirp::channel::Keypair>>,
}

impl Network {
    fn all() -> Vec<Self> {
        vec![
            Self {
                #[cfg(feature = "tls")]
                keys: None,
            },
            #[cfg(feature = "tls")]
            Self {
                keys: Some(
                    (0..4)
                        .map(|_| chirp::channel::Keypair::generate().unwrap())
                        .collect(),
                ),
            },
        ]
    }

    fn name(&self, index: usize) -> String {
        #[cfg(feature = "tls")]
        if let Some(keys) = &self.keys {
            return keys[index].public().to_string();
        }
        ["a", "b", "c", "d"][index].to_owned()
    }

    fn address(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.keys.is_some() {
            return "tls://127.0.0.1:0";
        }
        "tcp://127.0.0.1:0"
    }

    fn with_key(&self, index: usize, builder: NodeBuilder) -> NodeBuilder {
        #[cfg(feature = "tls")]
        if let Some(keys) = &self.keys {
            let known: Vec<_> = keys.iter().map(chirp::channel::Keypair::public).collect();
            let policy = chirp::channel::KeyPolicy::from_iter(known);
            return builder.keys(&keys[index], policy);
        }
        let _ = index;
        builder
    }

    async fn listening(&self, index: usize, builder: NodeBuilder) -> Node {
        let builder = self.with_key(index, builder).listen(self.address());
        builder.start().await.unwrap()
    }

    async fn dialling(&self, index: usize, builder: NodeBuilder, others: &[&Node]) -> Node {
        let node = self.with_key(index, builder).start().await.unwrap();
        for other in others {
            node.connect(other.name(), other.addresses().remove(0))
                .unwrap();
        }
        for other in others {
            connected(&node, other.name()).await;
        }
        node
    }
}

/// Sums from every connected node, by name.
async fn sums(node: &Node) -> Vec<(String, i64)> {
    let answers = in_time(
        node.all()
            .gather(ArithClient::unbound().add(100, 250))
            .into_future(),
    )
    .await;
    let answers = answers.into_iter().map(|answer| {
        let (sum, sender) = answer.result.unwrap();
        assert_eq!(sender.as_deref(), Some(&**node.name()));
        (answer.from.to_string(), sum)
    });
    let mut answers: Vec<_> = answers.collect();
    answers.sort();
    answers
}

fn expected(names: &[&str]) -> Vec<(String, i64)> {
    let mut names: Vec<_> = names.iter().map(|name| ((*name).to_owned(), 350)).collect();
    names.sort();
    names
}

#[test]
fn bi_t1_messages_arrive_at_the_right_node_with_their_sender() {
    on_both_runtimes(async || {
        for network in Network::all() {
            let mut listening = Vec::new();
            for index in 0..2 {
                let (builder, seen, _) = recording(&network.name(index));
                listening.push((network.listening(index, builder).await, seen));
            }
            let servers: Vec<&Node> = listening.iter().map(|(node, _)| node).collect();
            let mut sent = vec![Vec::new(), Vec::new()];
            for index in 2..4_u8 {
                let own = network.name(index.into());
                let client = network.dialling(index.into(), node(&own), &servers).await;
                for (at, server) in servers.iter().enumerate() {
                    let messages = MessagesClient::new(&client.peer(server.name()));
                    for size in [0, 1, 1000, 100_000] {
                        let (name, body) = (format!("{index}-{size}"), vec![index; size]);
                        assert_eq!(in_time(messages.put(&name, &body)).await, Ok(size));
                        sent[at].push((own.clone(), name, body));
                    }
                }
            }
            for ((_, seen), sent) in listening.iter().zip(&sent) {
                assert_eq!(*seen.lock().unwrap(), *sent);
            }
        }
    });
}

#[test]
fn bi_t2_both_ends_of_a_link_call_all() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let server = network.listening(0, node("a")).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        assert_eq!(sums(&client).await, expected(&["a"]));
        assert_eq!(sums(&server).await, expected(&["b"]));
        assert_eq!((client.connections(), server.connections()), (1, 1));
    });
}

#[test]
fn bi_t3_arguments_by_value_and_by_reference() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let server = network.listening(0, recording("a").0).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        let messages = MessagesClient::new(&client.peer("a"));
        for call in [
            messages.owned("x".to_owned(), vec![1]),
            messages.borrowed("x", &[1]),
        ] {
            assert_eq!(in_time(call).await, Ok("x [1]".to_owned()));
        }
    });
}

#[test]
fn bi_t4_a_cast_arrives_with_its_sender() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let (builder, seen, arrived) = recording("a");
        let server = network.listening(0, builder).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        let cast = MessagesClient::unbound().cast("hello".to_owned());
        let answers = in_time(client.all().gather(cast).into_future()).await;
        assert_eq!(answers.len(), 1);
        in_time(arrived.notified()).await;
        let sent = ("b".to_owned(), "hello".to_owned(), vec![]);
        assert_eq!(*seen.lock().unwrap(), [sent]);
    });
}

#[test]
fn bi_t5_and_t6_a_multicast_has_one_answer_per_node() {
    on_both_runtimes(async || {
        for network in Network::all() {
            let names: Vec<String> = (0..3).map(|index| network.name(index)).collect();
            let one = network.listening(0, node(&names[0])).await;
            let other = network.listening(1, node(&names[1])).await;
            let client = network.dialling(2, node(&names[2]), &[&one, &other]).await;
            assert_eq!(sums(&client).await, expected(&[&names[0], &names[1]]));
            for server in [&one, &other] {
                sees(server, &[&names[2]]).await;
                assert_eq!(sums(server).await, expected(&[&names[2]]));
            }
            // A service that is added after connecting is served, too.
            let (recorder, ..) = Recorder::new();
            one.add_service(MessagesServer::new(recorder)).unwrap();
            let messages = MessagesClient::new(&client.peer(&names[0]));
            assert_eq!(in_time(messages.number(1)).await, Ok(2));
        }
    });
}

#[test]
fn bi_t7_casts_of_two_clients_carry_the_right_sender() {
    on_both_runtimes(async || {
        for network in Network::all() {
            let names: Vec<String> = (0..3).map(|index| network.name(index)).collect();
            let (builder, seen, arrived) = recording(&names[0]);
            let server = network.listening(0, builder).await;
            let one = network.dialling(1, node(&names[1]), &[&server]).await;
            let other = network.dialling(2, node(&names[2]), &[&server]).await;
            for (client, name) in [(&one, &names[1]), (&other, &names[2])] {
                assert_eq!(sums(client).await, expected(&[&names[0]]));
                let messages = MessagesClient::new(&client.peer(&names[0]));
                in_time(messages.cast("by".to_owned()).into_future())
                    .await
                    .unwrap();
                in_time(arrived.notified()).await;
                let (sender, ..) = seen.lock().unwrap().pop().unwrap();
                assert_eq!(sender, *name);
            }
            sees(&server, &{
                let mut clients = [&*names[1], &*names[2]];
                clients.sort_unstable();
                clients
            })
            .await;
            assert_eq!(sums(&server).await, expected(&[&names[1], &names[2]]));
        }
    });
}

#[test]
fn bi_t10_unknown_methods_and_wrong_arguments_are_errors() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let server = network.listening(0, node("a")).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        let calls = chirp::Caller::unbound();
        for (method, params) in [("Other.add", ""), ("Arith.sub", ""), ("Arith.add", "\u{1}")] {
            let answers = client.all().gather(calls.call(method, params));
            let answers = in_time(answers.into_future()).await;
            assert_eq!(answers.len(), 1);
            let error = answers[0].result.as_ref().unwrap_err();
            assert!(
                matches!(
                    error,
                    CallError::UnknownMethod { .. } | CallError::Rejected { .. }
                ),
                "{error}"
            );
        }
    });
}

#[test]
fn bi_t11_a_multicast_to_nobody_is_empty() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let alone = network.listening(0, node("a")).await;
        for _ in 0..5 {
            assert!(sums(&alone).await.is_empty());
        }
        let _other = network.dialling(1, node("b"), &[&alone]).await;
        sees(&alone, &["b"]).await;
        assert_eq!(sums(&alone).await, expected(&["b"]));
    });
}

#[test]
fn bi_t12_a_call_that_times_out_has_run_once() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let (builder, _, arrived) = recording("a");
        let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let builder = builder.configure_peers(move |peers| {
            peers.handle("slow", move |_: Request| {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                arrived.notify_one();
                std::future::pending::<Result<Vec<u8>, CallError>>()
            })
        });
        let server = network.listening(0, builder).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        let call = chirp::Caller::unbound().call("slow", "");
        let answers = client
            .all()
            .gather(call)
            .timeout(Duration::from_millis(200));
        let answers = in_time(answers.into_future()).await;
        let error = answers[0].result.as_ref().unwrap_err();
        assert!(
            matches!(error, CallError::DeadlineExceeded { .. }),
            "{error}"
        );
        // A later call on the same link: nothing was sent again before it.
        in_time(ArithClient::new(&client.peer("a")).name())
            .await
            .unwrap();
        assert_eq!(runs.load(std::sync::atomic::Ordering::Relaxed), 1);
    });
}

#[test]
fn bi_t13_closing_a_node_fails_its_calls() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let (builder, _, arrived) = recording("a");
        let server = network.listening(0, builder).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        let call = tokio::spawn(MessagesClient::new(&client.peer("a")).wait().into_future());
        in_time(arrived.notified()).await;
        client.close();
        let error = in_time(call).await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
        let error = in_time(ArithClient::new(&client.peer("a")).name())
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::NotConnected(_)), "{error}");
        assert!(sums(&client).await.is_empty());
    });
}

#[test]
fn bi_t14_a_failed_join_does_not_stop_the_node() {
    on_both_runtimes(async || {
        let address = address();
        let server = node("a").listen(&address).start().await.unwrap();
        // The other side is gone before it is answered.
        for _ in 0..10 {
            let mut raw = Raw::connect(&address).await;
            raw.send(&request(1, "chirp.node.join", &join("x", "a", 7, 1)))
                .await;
        }
        let client = node("b").connect("a", &address).start().await.unwrap();
        connected(&client, "a").await;
        sees(&server, &["b"]).await;
        assert_eq!(sums(&server).await, expected(&["b"]));
    });
}

#[test]
fn bi_t15_a_restarted_node_is_callable_once_it_is_connected() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let server = network.listening(0, node("a")).await;
        for _ in 0..5 {
            let client = network.dialling(1, node("b"), &[&server]).await;
            assert_eq!(sums(&server).await, expected(&["b"]));
            // Gone without a word: the next one comes at once.
            client.close();
        }
    });
}

#[test]
fn bi_t16_an_argument_need_not_be_a_struct() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let server = network.listening(0, recording("a").0).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        let answer = in_time(MessagesClient::new(&client.peer("a")).number(41)).await;
        assert_eq!(answer, Ok(42));
    });
}

#[test]
fn bi_t17_nodes_of_different_networks_are_not_connected() {
    on_both_runtimes(async || {
        let address = address();
        let server = node("a").listen(&address).start().await.unwrap();
        let client = node("b").network("other").start().await.unwrap();
        let (mut here, mut there) = (server.watch(), client.watch());
        client.connect("a", &address).unwrap();
        refused(&mut here).await;
        refused(&mut there).await;
        assert!(server.connected().is_empty() && client.connected().is_empty());
        assert!(sums(&client).await.is_empty());
    });
}

#[test]
fn bi_t18_a_target_that_is_not_connected_is_reported() {
    on_both_runtimes(async || {
        let network = &Network::all()[0];
        let server = network.listening(0, node("a")).await;
        let client = network.dialling(1, node("b"), &[&server]).await;
        client.connect("absent", address()).unwrap();
        let targets = client.some(["a", "absent", "nobody"]);
        let answers = in_time(
            targets
                .gather(ArithClient::unbound().add(1, 2))
                .into_future(),
        )
        .await;
        let of = |name: &str| {
            let mut found = answers.iter().filter(|answer| &*answer.from == name);
            let answer = found.next().expect("one answer");
            assert!(found.next().is_none());
            &answer.result
        };
        assert_eq!(*of("a"), Ok((3, Some("b".to_owned()))));
        assert!(matches!(of("absent"), Err(CallError::NotConnected(_))));
        assert_eq!(*of("nobody"), Err(CallError::UnknownNode("nobody".into())));
    });
}

#[test]
fn bi_t19_a_node_answers_for_itself_and_once() {
    on_both_runtimes(async || {
        let address = address();
        let alpha = node("a").listen(&address).start().await.unwrap();
        let mut raw = Raw::connect(&address).await;
        in_time(raw.join(&join("evil", "a", 7, 1))).await;
        let (builder, _, arrived) = recording("good");
        let good = builder.connect("a", &address).start().await.unwrap();
        connected(&good, "a").await;
        sees(&alpha, &["evil", "good"]).await;
        let targets = alpha.all();
        let call = tokio::spawn(
            targets
                .gather(MessagesClient::unbound().wait())
                .into_future(),
        );
        in_time(arrived.notified()).await;
        let id = loop {
            let (id, method, _) = in_time(raw.next_request()).await.unwrap();
            if method == "Messages.wait" {
                break id;
            }
        };
        // Answers to every id that the other link may use, and two to its own.
        for id in (0..100).chain([id, id]) {
            raw.send(&response(id, 0, &[9])).await;
        }
        good.close();
        let answers = in_time(call).await.unwrap();
        assert_eq!(answers.len(), 2);
        for answer in answers {
            match &*answer.from {
                "evil" => assert_eq!(answer.result, Ok(9)),
                _ => assert!(matches!(answer.result, Err(CallError::ConnectionLost(_)))),
            }
        }
    });
}

#[test]
fn bi_t20_nodes_that_dial_each_other_are_connected_quickly() {
    on_both_runtimes(async || {
        let (one, other) = (address(), address());
        let a = node("a").listen(&one).start().await.unwrap();
        let b = node("b").listen(&other).start().await.unwrap();
        a.connect("b", &other).unwrap();
        b.connect("a", &one).unwrap();
        let (_, _): (Peer, Peer) = tokio::join!(connected(&a, "b"), connected(&b, "a"));
        assert_eq!(sums(&a).await, expected(&["b"]));
        assert_eq!(sums(&b).await, expected(&["a"]));
        assert_eq!(a.peer("b").state(), NodeState::Connected);
        let mut events = a.watch();
        b.close();
        event(&mut events, |event| {
            matches!(event, NodeEvent::Left { .. }).then_some(())
        })
        .await;
        assert!(
            a.peer("b")
                .as_caller()
                .call("m", "")
                .timeout(Duration::from_millis(20))
                .await
                .is_err()
        );
    });
}
