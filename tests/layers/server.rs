//! Layers of peers, servers and services, around unary calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    AccessPolicy, BlockingPool, CallContext, CallError, Caller, Compatibility, InboundRequest,
    MethodError, Next, Peer, PeerBuilder, Reply, Request, Router, Server,
};
use tokio::sync::mpsc;

use crate::support::{DropFlag, LINKS, connected, echo, idle, in_time, on_both_runtimes, pair};
use crate::{Book, noting};

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum ArithError {
    #[error("overflow")]
    #[chirp(code = 3)]
    Overflow,
}

#[chirp::service]
trait Arith {
    #[chirp(alias = "add")]
    async fn sum(&self, a: u64, b: u64) -> Result<u64, ArithError>;
    #[chirp(oneway)]
    async fn log(&self, text: &str);
    async fn tenant(&self, cx: &CallContext) -> Option<String>;
}

#[derive(Clone, Default)]
struct Calculator(Book);

struct Tenant(String);

impl Arith for Calculator {
    async fn sum(&self, a: u64, b: u64) -> Result<u64, ArithError> {
        self.0.note("sum");
        a.checked_add(b).ok_or(ArithError::Overflow)
    }

    async fn log(&self, text: &str) {
        self.0.note(text);
    }

    async fn tenant(&self, cx: &CallContext) -> Option<String> {
        Some(cx.extension::<Tenant>()?.0.clone())
    }
}

fn serve(builder: &PeerBuilder) -> (Peer, Peer) {
    pair(&PeerBuilder::new(), builder)
}

#[tokio::test]
async fn layers_are_passed_from_the_outside_to_the_inside() {
    for link in LINKS {
        let book = Book::default();
        let service = ArithServer::new(Calculator(book.clone()))
            .layer(noting(&book, "service 1"))
            .layer(noting(&book, "service 2"));
        // One layer is added before the service, and one after it.
        let builder = PeerBuilder::new()
            .layer(noting(&book, "peer 1"))
            .service(service)
            .layer(noting(&book, "peer 2"))
            .handle("plain", echo);
        let (peer, _serving) = connected(link, &PeerBuilder::new(), &builder).await;
        let arith = ArithClient::new(&peer);
        assert_eq!(arith.sum(1, 2).await, Ok(3));
        assert_eq!(
            book.lines(),
            [
                "peer 1 in",
                "peer 2 in",
                "service 1 in",
                "service 2 in",
                "sum",
                "service 2 out",
                "service 1 out",
                "peer 2 out",
                "peer 1 out"
            ]
        );
        assert_eq!(peer.call("plain", "x").await.expect("an echo"), "x");
        assert_eq!(
            book.lines(),
            ["peer 1 in", "peer 2 in", "peer 2 out", "peer 1 out"]
        );
    }
}

/// What a layer sees of a call.
fn seeing(request: &InboundRequest) -> String {
    format!(
        "{} {:?} {:?}",
        request.method().escape_ascii(),
        request.registered_name(),
        request.method_id().map(chirp::MethodId::name)
    )
}

#[tokio::test]
async fn a_layer_sees_the_registered_name() {
    let book = Book::default();
    let seen = book.clone();
    let layer = move |request: InboundRequest, next: Next| {
        seen.note(seeing(&request));
        next.run(request)
    };
    let builder = PeerBuilder::new()
        .service(ArithServer::new(Calculator::default()))
        .service(ArithServer::new(Calculator::default()).named("Second"))
        .handle(b"\xFF", echo)
        .layer(layer);
    let (peer, serving) = serve(&builder);
    let calls = |method: &'static str| peer.call(method, vec![1, 2]);
    calls("Arith.sum").await.expect("a sum");
    calls("Arith.add").await.expect("a sum");
    calls("Second.add").await.expect("a sum");
    peer.call(bytes::Bytes::from_static(b"\xFF"), "x")
        .await
        .expect("an echo");
    let unknown = calls("nonsense").await;
    assert!(matches!(unknown, Err(CallError::UnknownMethod { .. })));
    serving.update_routes(|router| {
        router.fallback(echo);
    });
    calls("nonsense").await.expect("an echo");
    serving.update_routes(|router| assert!(router.alias("later", "Arith.sum")));
    calls("later").await.expect("a sum");
    serving.update_routes(Router::remove_fallback);
    let unknown = calls("nonsense").await;
    assert!(matches!(unknown, Err(CallError::UnknownMethod { .. })));
    assert_eq!(
        book.lines(),
        [
            r#"Arith.sum Some("Arith.sum") Some("Arith.sum")"#,
            r#"Arith.add Some("Arith.sum") Some("Arith.sum")"#,
            r#"Second.add Some("Second.sum") Some("Arith.sum")"#,
            r#"\xff Some("\\xff") None"#,
            "nonsense None None",
            "nonsense None None",
            r#"later Some("Arith.sum") Some("Arith.sum")"#,
            "nonsense None None",
        ]
    );
}

#[tokio::test]
async fn a_layer_may_answer_in_place_of_the_handler_and_change_the_error() {
    let book = Book::default();
    let service = ArithServer::new(Calculator(book.clone()))
        .layer(|request: InboundRequest, next: Next| async move {
            match next.run(request).await {
                Reply::Error(error) if error.code == 3 => ErrorData::new(9, "too much").into(),
                reply => reply,
            }
        })
        .layer(|request: InboundRequest, next: Next| async move {
            if request.params() == [7, 7] {
                // Never calls `next`.
                return Reply::from(Ok::<_, ErrorData>(vec![77]));
            }
            next.run(request).await
        });
    let (peer, serving) = serve(&PeerBuilder::new().service(service));
    let arith = ArithClient::new(&peer);
    assert_eq!(arith.sum(7, 7).await, Ok(77));
    assert!(book.lines().is_empty());
    assert_eq!(arith.sum(7, 8).await, Ok(15));
    assert_eq!(
        arith.sum(u64::MAX, 1).await,
        Err(MethodError::Call(CallError::Remote(ErrorData::new(
            9, "too much"
        ))))
    );
    idle(&serving).await;
}

#[tokio::test]
async fn a_layer_may_add_an_extension_for_the_handler() {
    let layer = |mut request: InboundRequest, next: Next| {
        if request.method_id() == Some(ArithMethods::TENANT) {
            request.insert_extension(Tenant("alpha".to_owned()));
        }
        next.run(request)
    };
    let builder = PeerBuilder::new()
        .extension(Tenant("everybody".to_owned()))
        .service(ArithServer::new(Calculator::default()).layer(layer))
        .handle("other", |request: Request| async move {
            let tenant = request.context().extension::<Tenant>();
            Ok::<_, ErrorData>(tenant.expect("the peer's own").0.clone())
        });
    let (peer, _serving) = serve(&builder);
    let tenant = ArithClient::new(&peer).tenant().await;
    assert_eq!(tenant, Ok(Some("alpha".to_owned())));
    assert_eq!(peer.call("other", ()).await.expect("a value"), "everybody");
}

#[tokio::test]
async fn access_is_checked_before_layers() {
    let book = Book::default();
    let access = AccessPolicy::new()
        .allow(["Arith.log"], |_| true)
        .default_rule(|_| false);
    let builder = PeerBuilder::new()
        .service(ArithServer::new(Calculator(book.clone())))
        .access(access)
        .layer(noting(&book, "layer"));
    let (peer, _serving) = serve(&builder);
    let refused = peer.call("Arith.sum", vec![1, 2]).await;
    assert!(matches!(
        refused,
        Err(CallError::Rejected {
            reason: FrameworkError::PermissionDenied,
            ..
        })
    ));
    assert!(book.lines().is_empty());
    peer.call("Arith.log", vec![1, b'x']).await.expect("noted");
    assert_eq!(book.lines(), ["layer in", "x", "layer out"]);
}

#[tokio::test]
async fn contracts_and_unknown_methods_pass_the_layers_of_a_peer() {
    let closed_but_for_open = |request: InboundRequest, next: Next| async move {
        match request.registered_name() {
            Some("open") => next.run(request).await,
            Some("chirp.contract") => FrameworkError::PermissionDenied.into(),
            _ => Reply::from(ErrorData::new(1, "closed")),
        }
    };
    let service = || ArithServer::new(Calculator::default());
    let builder = PeerBuilder::new()
        .handle("open", echo)
        .service(service())
        .layer(closed_but_for_open);
    let (peer, _serving) = serve(&builder);
    let arith = ArithClient::new(&peer);
    let closed = CallError::Remote(ErrorData::new(1, "closed"));
    assert_eq!(peer.call("nonsense", ()).await, Err(closed.clone()));
    assert_eq!(arith.sum(1, 2).await, Err(MethodError::Call(closed)));
    assert_eq!(peer.call("open", "x").await.expect("an echo"), "x");
    let refused = arith.check_compatibility().await;
    assert!(matches!(refused, Err(CallError::Rejected { .. })));

    // A layer of one service does not see the question, which is about all of them.
    let layered = service().layer(|_: InboundRequest, _: Next| async { Reply::from("no") });
    let (peer, _serving) = serve(&PeerBuilder::new().service(layered));
    let same = ArithClient::new(&peer).check_compatibility().await;
    assert_eq!(same, Ok(Compatibility::Same));
}

#[tokio::test]
async fn a_server_shares_its_layers_among_its_connections() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let server = Server::builder()
        .layer(move |request: InboundRequest, next: Next| {
            counted.fetch_add(1, Ordering::Relaxed);
            next.run(request)
        })
        .service(ArithServer::new(Calculator::default()))
        .service_with(|_| ArithServer::new(Calculator::default()).named("Own"))
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("an address");
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    for _ in 0..2 {
        let peer = chirp::connect(&address).await.expect("a connection");
        assert_eq!(ArithClient::new(&peer).sum(1, 2).await, Ok(3));
        let own = ArithClient::new(&peer).named("Own");
        assert_eq!(own.sum(1, 2).await, Ok(3));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn layers_of_a_router_in_this_process() {
    let book = Book::default();
    let mut router = Router::default();
    router.layer(noting(&book, "layer")).handle("echo", echo);
    let caller = Caller::local(router);
    assert_eq!(caller.call("echo", "x").await.expect("an echo"), "x");
    assert_eq!(book.lines(), ["layer in", "layer out"]);
}

#[tokio::test]
async fn a_dropped_call_drops_the_layer_and_the_handler() {
    let (flag, mut dropped) = DropFlag::new();
    let (inner, mut handler_dropped) = DropFlag::new();
    let (flag, inner) = (flag.0.clone(), inner.0.clone());
    let (started, mut is_started) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new()
        .handle("waits", move |_: Request| {
            let (flag, started) = (DropFlag(inner.clone()), started.clone());
            async move {
                let _flag = flag;
                started.send(()).expect("the test waits");
                std::future::pending::<Result<(), ErrorData>>().await
            }
        })
        .layer(move |request: InboundRequest, next: Next| {
            let flag = DropFlag(flag.clone());
            async move {
                let _flag = flag;
                next.run(request).await
            }
        });
    let (peer, serving) = serve(&builder);
    let call = peer.call("waits", ()).start();
    in_time(is_started.recv()).await.expect("started");
    drop(call);
    in_time(dropped.recv()).await.expect("the layer");
    in_time(handler_dropped.recv()).await.expect("the handler");
    in_time(idle(&serving)).await;
}

#[chirp::service(ordered)]
trait Steps {
    async fn step(&self, number: u32);
    #[chirp(blocking)]
    fn block(&self, number: u32);
}

struct Walk(Book);

impl Steps for Walk {
    async fn step(&self, number: u32) {
        self.0.note(format!("{number} in"));
        tokio::task::yield_now().await;
        self.0.note(format!("{number} out"));
    }

    fn block(&self, number: u32) {
        self.0.note(format!("{number} in"));
        std::thread::sleep(Duration::from_millis(1));
        self.0.note(format!("{number} out"));
    }
}

/// A layer that waits before every second call would reorder them, if calls took their turn behind it.
async fn an_ordered_service_stays_in_order() {
    let (book, count) = (Book::default(), Arc::new(AtomicU32::new(0)));
    let waits = move |request: InboundRequest, next: Next| {
        let waits = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        async move {
            if waits {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            next.run(request).await
        }
    };
    let builder = PeerBuilder::new()
        .service(StepsServer::new(Walk(book.clone())).layer(waits.clone()))
        .layer(waits);
    let (peer, _serving) = serve(&builder);
    let steps = StepsClient::new(&peer);
    let calls: Vec<_> = (0..12)
        .map(|number| match number % 3 {
            0 => steps.block(number).start(),
            _ => steps.step(number).start(),
        })
        .collect();
    for call in calls {
        in_time(call).await.expect("done");
    }
    let expected = (0..12).flat_map(|number| [format!("{number} in"), format!("{number} out")]);
    assert_eq!(book.lines(), expected.collect::<Vec<_>>());
}

#[test]
fn an_ordered_service_stays_in_order_behind_a_layer_that_waits() {
    on_both_runtimes(an_ordered_service_stays_in_order);
}

#[chirp::service(ordered)]
trait Gate {
    #[chirp(blocking)]
    fn enter(&self, number: u32);
}

struct Porter {
    book: Book,
    open: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Gate for Porter {
    fn enter(&self, number: u32) {
        self.book.note(format!("{number} in"));
        let open = self.open.lock().expect("no panics");
        open.recv().expect("the test opens");
        self.book.note(format!("{number} out"));
    }
}

/// A blocking handler cannot be interrupted: the next call waits until it returns, although its call was dropped.
#[tokio::test]
async fn a_blocking_handler_keeps_its_turn_when_its_call_is_dropped() {
    let book = Book::default();
    let (open, opened) = std::sync::mpsc::channel();
    let porter = Porter {
        book: book.clone(),
        open: std::sync::Mutex::new(opened),
    };
    let service = GateServer::new(porter)
        .layer(|request: InboundRequest, next: Next| async move { next.run(request).await });
    let (peer, _serving) = serve(&PeerBuilder::new().service(service));
    let gate = GateClient::new(&peer);
    let first = gate.enter(1).start();
    in_time(async {
        while book.0.lock().expect("no panics").is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(first);
    let second = gate.enter(2).start();
    // A call that is answered behind the cancel shows that the cancel was handled.
    assert_eq!(peer.call("unknown", ()).await.ok(), None);
    open.send(()).expect("the handler waits");
    open.send(()).expect("the handler waits");
    in_time(second).await.expect("entered");
    assert_eq!(book.lines(), ["1 in", "1 out", "2 in", "2 out"]);
}

#[tokio::test]
async fn a_callback_works_behind_a_layer() {
    let builder = PeerBuilder::new()
        .handle("asks", |request: Request| async move {
            let caller = request.context().caller().clone();
            caller.call("name", ()).await
        })
        .layer(|request: InboundRequest, next: Next| async move { next.run(request).await });
    let (peer, _serving) = pair(
        &PeerBuilder::new().handle("name", |_: Request| async { Ok::<_, ErrorData>("Ann") }),
        &builder,
    );
    assert_eq!(peer.call("asks", ()).await.expect("an answer"), "Ann");
}

#[tokio::test]
async fn a_layer_sees_a_deferred_reply_and_that_of_a_blocking_method() {
    let book = Book::default();
    let seen = book.clone();
    let builder = PeerBuilder::new()
        .handle("defers", |request: Request| {
            let (responder, reply) = request.defer();
            tokio::spawn(async move { responder.reply(Ok::<_, ErrorData>("later")) });
            std::future::ready(reply)
        })
        .handle("forgets", |request: Request| {
            std::future::ready(request.defer().1)
        })
        .handle(
            "blocks",
            BlockingPool::default().handler(|_: Request| Ok::<_, ErrorData>("blocked")),
        )
        .layer(move |request: InboundRequest, next: Next| {
            let seen = seen.clone();
            async move {
                let reply = next.run(request).await;
                seen.note(match &reply {
                    Reply::Value(value) => value.as_slice().escape_ascii().to_string(),
                    Reply::Error(error) => error.code.to_string(),
                    reply => format!("{reply:?}"),
                });
                reply
            }
        });
    let (peer, serving) = serve(&builder);
    assert_eq!(peer.call("defers", ()).await.expect("a reply"), "later");
    assert_eq!(peer.call("blocks", ()).await.expect("a reply"), "blocked");
    let forgotten = peer.call("forgets", ()).await;
    assert!(matches!(
        forgotten,
        Err(CallError::Rejected {
            reason: FrameworkError::NoReply,
            ..
        })
    ));
    assert_eq!(book.lines(), ["later", "blocked", "50951"]);
    idle(&serving).await;
}

#[tokio::test]
async fn one_way_calls_pass_layers() {
    let book = Book::default();
    let service = ArithServer::new(Calculator(book.clone())).layer(noting(&book, "layer"));
    let (peer, serving) = serve(&PeerBuilder::new().service(service));
    ArithClient::new(&peer).log("hi").await.expect("sent");
    peer.call("unknown", ()).await.expect_err("unknown");
    in_time(idle(&serving)).await;
    assert_eq!(book.lines(), ["layer in", "hi", "layer out"]);
}
