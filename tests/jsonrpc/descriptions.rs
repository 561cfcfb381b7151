//! Methods whose facts are looked up in the description of this side's peer.

use std::sync::Mutex;

use chirp::codec::Json;
use chirp::jsonrpc::JsonRpc;
use chirp::packet::ErrorData;
use chirp::{PeerBuilder, Request};

use crate::program::Program;
use crate::support::idle;

#[tokio::test]
async fn a_peer_without_reflection_says_so() {
    let echo = |request: Request| std::future::ready(Ok::<_, ErrorData>(request.into_params()));
    let builder = PeerBuilder::new().handle("echo;json", echo);
    let (peer, mut program) = Program::connected(&builder, &JsonRpc::new());
    for id in [1, 2] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"x"}}"#);
        let answer = program.exchange(&request).await;
        assert!(answer.contains("-32601"), "{answer}");
        assert!(
            answer.contains("`.reflect()` of the builder turns them on"),
            "{answer}"
        );
        // Handlers by their JSON names are called all the same.
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"echo","params":[{id}]}}"#);
        let answer = program.exchange(&request).await;
        assert_eq!(
            answer,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":[{id}]}}"#)
        );
    }
    idle(&peer).await;
}

#[chirp::service(name = "", codec = Json, ordered)]
trait Log {
    async fn first(&self, number: u64) -> u64;
    async fn second(&self, number: u64) -> u64;
    #[chirp(oneway)]
    async fn note(&self, number: u64);
    async fn seen(&self) -> Vec<u64>;
}

#[derive(Default)]
struct Seen(Mutex<Vec<u64>>);

impl Seen {
    fn push(&self, number: u64) {
        self.0.lock().unwrap().push(number);
    }
}

impl Log for Seen {
    async fn first(&self, number: u64) -> u64 {
        self.push(number);
        number
    }

    async fn second(&self, number: u64) -> u64 {
        self.push(number);
        number
    }

    async fn note(&self, number: u64) {
        self.push(number);
    }

    async fn seen(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn calls_start_in_order_while_methods_are_looked_up() {
    for is_batch in [false, true] {
        let builder = PeerBuilder::new()
            .service(LogServer::new(Seen::default()))
            .reflect();
        let (peer, mut program) = Program::connected(&builder, &JsonRpc::new());
        for id in 1..4 {
            let entries = [
                format!(r#"{{"jsonrpc":"2.0","id":{id}1,"method":"first","params":[1]}}"#),
                r#"{"jsonrpc":"2.0","method":"note","params":[2]}"#.to_owned(),
                format!(r#"{{"jsonrpc":"2.0","id":{id}2,"method":"second","params":[3]}}"#),
                format!(r#"{{"jsonrpc":"2.0","id":{id}3,"method":"first","params":[4]}}"#),
                r#"{"jsonrpc":"2.0","method":"note","params":[5]}"#.to_owned(),
                format!(r#"{{"jsonrpc":"2.0","id":{id}4,"method":"seen"}}"#),
            ];
            let seen = if is_batch {
                program.exchange(&format!("[{}]", entries.join(","))).await
            } else {
                program.send(entries.join("\n")).await;
                for _ in 0..3 {
                    program.receive().await;
                }
                program.receive().await
            };
            assert!(seen.contains("[1,2,3,4,5]"), "{seen}");
        }
        idle(&peer).await;
    }
}

#[tokio::test]
async fn requests_before_the_end_of_the_input_are_answered() {
    let builder = PeerBuilder::new()
        .service(LogServer::new(Seen::default()))
        .reflect();
    let (peer, mut program) = Program::connected(&builder, &JsonRpc::new());
    let first = r#"{"jsonrpc":"2.0","id":1,"method":"first","params":[1]}"#;
    let second = r#"{"jsonrpc":"2.0","id":2,"method":"second","params":[2]}"#;
    program.send(format!("{first}\n{second}")).await;
    let answers = program.finish().await;
    assert_eq!(answers.len(), 2, "{answers:?}");
    peer.closed().await;
}
