//! Options of services and methods, on connections and locally.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::support::{LINKS, channels, connected, idle, pair};
use chirp::{AsCaller, BlockingPool, CallError, Caller, Peer, PeerBuilder, Router, Service};
use tokio::sync::mpsc as told;

#[chirp::service]
trait Patience {
    #[chirp(deadline = "250ms", idempotent)]
    async fn never(&self);
    #[chirp(deadline = "2 h", name = "long")]
    fn at_once(&self) -> u8;
}

struct Patient;

impl Patience for Patient {
    async fn never(&self) {
        std::future::pending::<()>().await;
    }

    fn at_once(&self) -> u8 {
        1
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_may_have_a_deadline_by_itself() {
    let builder = PeerBuilder::new().service(PatienceServer::new(Patient));
    let (peer, serving) = pair(&PeerBuilder::new(), &builder);
    for client in [PatienceClient::new(&peer), PatienceClient::local(Patient)] {
        let begun = tokio::time::Instant::now();
        let error = client.never().await.expect_err("no answer");
        assert!(
            matches!(error, CallError::DeadlineExceeded { .. }),
            "{error}"
        );
        assert_eq!(begun.elapsed(), Duration::from_millis(250));
        // The caller's own limit takes precedence.
        let error = client.never().timeout(Duration::from_secs(9)).await;
        assert!(error.is_err());
        assert_eq!(begun.elapsed(), Duration::from_millis(9250));
        assert_eq!(client.at_once().await.expect("an answer"), 1);
    }
    idle(&serving).await;
}

#[test]
fn a_call_of_an_idempotent_method_is_marked_idempotent() {
    let client = PatienceClient::local(Patient);
    assert!(client.never().is_idempotent());
    assert!(!client.at_once().is_idempotent());
    assert!(client.at_once().idempotent().is_idempotent());
    let signatures = PatienceMethods::CONTRACT.methods();
    let said = signatures
        .iter()
        .map(|signature| (signature.id().name(), signature.is_idempotent()));
    let expected = [("Patience.never", true), ("Patience.long", false)];
    assert!(said.eq(expected));
}

#[chirp::service(ordered)]
trait Document {
    async fn change(&self, number: u32, waits: u32);
    #[chirp(oneway)]
    async fn append(&self, number: u32, waits: u32);
    #[chirp(blocking)]
    fn save(&self, number: u32);
    async fn hang(&self);
}

/// Records what ran, and checks that nothing else ran meanwhile.
#[derive(Default)]
struct Notes {
    log: Mutex<Vec<u32>>,
    inside: AtomicBool,
}

impl Notes {
    fn enter(&self, number: u32) -> Inside<'_> {
        let was = self.inside.swap(true, Ordering::SeqCst);
        assert!(!was, "{number} runs beside another");
        self.log.lock().expect("no panics").push(number);
        Inside(&self.inside)
    }
}

struct Inside<'a>(&'a AtomicBool);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Document for Notes {
    async fn change(&self, number: u32, waits: u32) {
        let _inside = self.enter(number);
        for _ in 0..waits {
            tokio::task::yield_now().await;
        }
    }

    async fn append(&self, number: u32, waits: u32) {
        self.change(number, waits).await;
    }

    fn save(&self, number: u32) {
        let _inside = self.enter(number);
        std::thread::yield_now();
    }

    async fn hang(&self) {
        std::future::pending::<()>().await;
    }
}

const CHANGES: u32 = 3000;

async fn changes_are_in_order() {
    let notes = Arc::new(Notes::default());
    let builder = PeerBuilder::new().service(DocumentServer::from_arc(Arc::clone(&notes)));
    let (peer, serving) = pair(&PeerBuilder::new(), &builder);
    let document = DocumentClient::new(&peer);
    let mut calls = Vec::new();
    for number in 0..CHANGES {
        match number % 5 {
            0 => document.append(number, number % 4).await.expect("sent"),
            1 if number % 200 == 1 => calls.push(document.save(number).start()),
            _ => calls.push(document.change(number, number % 3).start()),
        }
        if number % 100 == 7 {
            // A call that is cancelled in the middle releases its turn.
            drop(document.hang().start());
        }
    }
    for call in calls {
        call.await.expect("an answer");
    }
    idle(&serving).await;
    let log = notes.log.lock().expect("no panics");
    assert!(log.iter().copied().eq(0..CHANGES), "{log:?}");
}

#[tokio::test]
async fn an_ordered_service_runs_one_after_another_on_one_thread() {
    changes_are_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordered_service_runs_one_after_another_on_two_threads() {
    changes_are_in_order().await;
}

/// Each connection has its own order.
#[tokio::test]
async fn ordered_connections_do_not_wait_for_each_other() {
    for link in LINKS {
        let notes = Arc::new(Notes::default());
        let builder = PeerBuilder::new().service(DocumentServer::from_arc(notes));
        let (one, _serving_one) = connected(link, &PeerBuilder::new(), &builder).await;
        let (other, _serving_other) = connected(link, &PeerBuilder::new(), &builder).await;
        let hanging = DocumentClient::new(&one).hang().start();
        let behind = DocumentClient::new(&one).change(1, 0).start();
        let other = DocumentClient::new(&other);
        other.change(2, 3).await.expect("not held up");
        drop(hanging);
        behind.await.expect("its turn");
    }
}

#[chirp::service(ordered)]
trait Saves {
    #[chirp(blocking)]
    fn save(&self);
    fn saved(&self) -> bool;
}

/// Its saves wait for the test.
struct Gated {
    begun: told::UnboundedSender<()>,
    gate: Mutex<mpsc::Receiver<()>>,
    saved: AtomicBool,
}

impl Saves for Gated {
    fn save(&self) {
        self.begun.send(()).expect("the test listens");
        let gate = self.gate.lock().expect("no panics");
        gate.recv().expect("the test opens it");
        self.saved.store(true, Ordering::SeqCst);
    }

    fn saved(&self) -> bool {
        self.saved.load(Ordering::SeqCst)
    }
}

/// A blocking method cannot be interrupted, so it keeps its turn after its call has ended.
#[tokio::test]
async fn a_blocking_method_keeps_its_turn_until_it_returns() {
    for link in LINKS {
        let (go, gate) = mpsc::channel();
        let (begun, mut begins) = told::unbounded_channel();
        let builder = PeerBuilder::new().service(SavesServer::new(Gated {
            begun,
            gate: Mutex::new(gate),
            saved: AtomicBool::new(false),
        }));
        let (peer, serving) = connected(link, &PeerBuilder::new(), &builder).await;
        let saves = SavesClient::new(&peer);
        let call = saves.save().start();
        begins.recv().await.expect("it begins");
        drop(call);
        let asked = saves.saved().start();
        // Everything sent before has been handled by now.
        peer.call("nothing", ()).await.expect_err("unknown");
        assert_eq!(serving.stats().running, 2);
        go.send(()).expect("it waits");
        assert!(asked.await.expect("an answer"));
    }
}

/// Without a connection, calls run in the order of their first polls.
#[tokio::test]
async fn a_local_client_of_an_ordered_service_keeps_the_order() {
    let document = DocumentClient::local(Notes::default());
    let unpolled = document.hang().start();
    let both = tokio::join!(document.change(1, 5), document.change(2, 0));
    both.0.expect("an answer");
    both.1.expect("an answer");
    drop(unpolled);
}

#[chirp::service]
trait Disk {
    #[chirp(blocking)]
    fn read(&self, name: &str) -> Result<String, chirp::packet::ErrorData>;
    #[chirp(blocking)]
    fn fails(&self);
    async fn ready(&self) -> usize;
}

/// Its reads wait for the test.
struct Slow {
    gate: Mutex<mpsc::Receiver<()>>,
    begun: told::UnboundedSender<()>,
    running: AtomicUsize,
}

impl Disk for Slow {
    fn read(&self, name: &str) -> Result<String, chirp::packet::ErrorData> {
        self.running.fetch_add(1, Ordering::SeqCst);
        self.begun.send(()).expect("the test listens");
        let gate = self.gate.lock().expect("no panics");
        gate.recv().map_err(|_| "the test is over")?;
        Ok(name.to_uppercase())
    }

    fn fails(&self) {
        panic!("on purpose");
    }

    async fn ready(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

async fn reads_do_not_hold_anything_up(
    make: impl FnOnce(DiskServer<Slow>) -> (Caller, Option<(Peer, Peer)>),
) {
    let (go, gate) = mpsc::channel();
    let (begun, mut begins) = told::unbounded_channel();
    let slow = Slow {
        gate: Mutex::new(gate),
        begun,
        running: AtomicUsize::new(0),
    };
    let (caller, peers) = make(DiskServer::new(slow).blocking(&BlockingPool::new(2)));
    let disk = DiskClient::new(&caller);
    let reads: Vec<_> = ["a", "b", "c"]
        .map(|name| tokio::spawn(disk.read(name)))
        .into();
    begins.recv().await.expect("one begins");
    begins.recv().await.expect("another begins");
    assert_eq!(disk.ready().await.expect("an answer"), 2, "the third waits");
    for _ in 0..3 {
        go.send(()).expect("somebody reads");
    }
    let mut answers = Vec::new();
    for read in reads {
        answers.push(read.await.expect("no panic").expect("an answer"));
    }
    assert_eq!(answers, ["A", "B", "C"]);
    let error = disk.fails().await.expect_err("a panic");
    assert!(matches!(error, CallError::Rejected { .. }), "{error}");
    if let Some((_, serving)) = peers {
        idle(&serving).await;
    }
}

#[tokio::test]
async fn a_blocking_method_runs_on_its_own_thread() {
    for link in LINKS {
        let (one, other) = channels(link).await;
        reads_do_not_hold_anything_up(|service| {
            let serving = PeerBuilder::new().service(service).start(other);
            let peer = PeerBuilder::new().start(one).expect("no duplicates");
            let serving = serving.expect("no duplicates");
            (peer.as_caller(), Some((peer, serving)))
        })
        .await;
    }
}

#[tokio::test]
async fn a_local_blocking_method_runs_on_its_own_thread() {
    reads_do_not_hold_anything_up(|service| {
        let mut router = Router::default();
        service.register(&mut router).expect("no duplicates");
        (Caller::local(router), None)
    })
    .await;
}
