//! Multicasts with random limits, dropped at random times, while links are lost and made again.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::{CallContext, Gather};

use crate::nodes::{address, connected, node, sees};
use crate::support::in_time;

#[chirp::service]
trait Work {
    async fn run(&self, cx: &CallContext, number: u64) -> u64;
}

type Runs = Arc<Mutex<HashMap<(u64, &'static str), u32>>>;

struct Worker(&'static str, Runs);

impl Work for Worker {
    async fn run(&self, cx: &CallContext, number: u64) -> u64 {
        assert_eq!(cx.node(), Some("hub"));
        let key = (number, self.0);
        *self.1.lock().unwrap().entry(key).or_default() += 1;
        match number % 4 {
            0 => {}
            1 => tokio::task::yield_now().await,
            2 => tokio::time::sleep(Duration::from_millis(number % 3)).await,
            _ => tokio::time::sleep(Duration::from_millis(number % 40)).await,
        }
        number
    }
}

const NAMES: [&str; 6] = ["n0", "n1", "n2", "n3", "n4", "n5"];

/// A generator of numbers that look random (xorshift), the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Polls a group a few times, and drops it.
async fn drop_after(polls: u64, group: Gather<u64>) {
    let mut group = pin!(group);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(Future::poll(group.as_mut(), cx).is_ready())
        });
        if polled.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn flapping(seed: u64) {
    let runs: Runs = Arc::default();
    let mut hub = node("hub");
    let mut others = Vec::new();
    for name in NAMES {
        let address = address();
        let worker = WorkServer::new(Worker(name, Arc::clone(&runs)));
        let other = node(name).service(worker).listen(&address);
        others.push(other.start().await.unwrap());
        hub = hub.connect(name, &address);
    }
    let hub = hub.start().await.unwrap();
    sees(&hub, &NAMES).await;
    let mut numbers = Numbers(seed);
    for number in 0..150 {
        let client = WorkClient::unbound();
        // `nobody` is unknown.
        let targets = hub.some(NAMES.into_iter().chain(["nobody"]));
        let mut group = targets
            .gather(client.run(number))
            .max_concurrent(usize::try_from(numbers.below(8)).unwrap());
        if numbers.below(2) == 0 {
            group = group.timeout(Duration::from_millis(numbers.below(15)));
        }
        if numbers.below(3) == 0 {
            group = group.max_bytes(usize::try_from(numbers.below(30)).unwrap());
        }
        if numbers.below(3) == 0 {
            let lost = usize::try_from(numbers.below(6)).unwrap();
            if let Some(peer) = hub.peer(NAMES[lost]).peer() {
                peer.close();
            }
        }
        match numbers.below(4) {
            0 => drop_after(numbers.below(12), group).await,
            1 => {
                let _ = in_time(group.first()).await;
            }
            2 => {
                let needed = usize::try_from(numbers.below(8)).unwrap();
                match in_time(group.quorum(needed)).await {
                    Ok(found) => assert_eq!(found.len(), needed),
                    // As soon as it is out of reach.
                    Err(error) => {
                        let left = 7 - error.succeeded - error.failures.len();
                        assert!(error.succeeded + left < needed, "{error}");
                    }
                }
            }
            _ => {
                let answers = in_time(group).await;
                let from: BTreeSet<_> = answers.iter().map(|answer| &*answer.from).collect();
                assert_eq!((answers.len(), from.len()), (7, 7), "{answers:?}");
                for answer in answers {
                    if let Ok(value) = answer.result {
                        assert_eq!(value, number);
                    }
                }
            }
        }
    }
    for (key, count) in &*runs.lock().unwrap() {
        assert_eq!(*count, 1, "{key:?} has run more than once");
    }
    assert!(runs.lock().unwrap().len() > 150);
    // Nothing is in progress any more.
    for name in NAMES {
        let peer = connected(&hub, name).await;
        let idle = async {
            while peer.stats().pending > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        in_time(idle).await;
        assert_eq!(
            in_time(WorkClient::new(&peer).run(4000)).await.unwrap(),
            4000
        );
    }
    for other in &others {
        let peer = connected(other, "hub").await;
        let idle = async {
            while peer.stats().running > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        in_time(idle).await;
    }
}

#[tokio::test]
async fn each_target_answers_once_while_links_are_lost() {
    for seed in [7, 77, 7_777_777] {
        flapping(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_target_answers_once_while_links_are_lost_on_two_threads() {
    for seed in [99, 12_345] {
        flapping(seed).await;
    }
}
