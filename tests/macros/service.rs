//! The code that `#[chirp::service]` generates, through local clients, which encode and decode as on a connection.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod forms;
mod parameters;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::packet::{ErrorData, FrameworkError};
use chirp::{CallContext, CallError, Caller, MethodError, RouteError, Router, Service};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SumDiff {
    sum: i64,
    diff: i64,
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum ArithError {
    #[error("{a} and {b} overflow")]
    #[chirp(code = 17)]
    Overflow { a: i64, b: i64 },
    #[error("{0} is not a number that I like")]
    #[chirp(code = 18)]
    Disliked(i64, Option<String>),
    #[error("no such name: {name}")]
    #[chirp(code = 404)]
    Unknown {
        #[chirp(data)]
        name: String,
    },
    #[error("tired")]
    #[chirp(code = 19)]
    Tired,
}

/// Integer arithmetic.
#[chirp::service]
trait Arith {
    /// Returns sum and difference.
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ArithError>;
    fn version(&self) -> u32;
    async fn digest(&self, name: &str, data: &[u8]) -> u64;
    #[chirp(oneway)]
    async fn log(&self, line: &str);
    async fn notify_me(&self, cx: &CallContext, every: Duration) -> u64;
    #[chirp(name = "fail", alias = "fehlschlagen", alias = "échouer")]
    fn failing(&self, how: &str) -> Result<(), ArithError>;
    async fn described(&self, number: i64) -> String {
        let digits = self.version().to_string();
        format!("{number} by version {digits}")
    }
    fn raw_error(&self) -> Result<(), ErrorData>;
}

#[derive(Default)]
struct Calculator {
    lines: Mutex<Vec<String>>,
}

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ArithError> {
        let overflow = ArithError::Overflow { a, b };
        match (a.checked_add(b), a.checked_sub(b)) {
            (Some(sum), Some(diff)) => Ok(SumDiff { sum, diff }),
            _ => Err(overflow),
        }
    }

    fn version(&self) -> u32 {
        7
    }

    async fn digest(&self, name: &str, data: &[u8]) -> u64 {
        tokio::task::yield_now().await;
        name.len() as u64 + data.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    }

    async fn log(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    async fn notify_me(&self, cx: &CallContext, every: Duration) -> u64 {
        let back = ArithClient::new(cx.caller());
        every.as_secs() + u64::from(back.version().await.unwrap())
    }

    fn failing(&self, how: &str) -> Result<(), ArithError> {
        Err(match how {
            "disliked" => ArithError::Disliked(13, Some("unlucky".to_owned())),
            "tired" => ArithError::Tired,
            other => ArithError::Unknown {
                name: other.to_owned(),
            },
        })
    }

    fn raw_error(&self) -> Result<(), ErrorData> {
        Err(ErrorData::new(5, "five").with_data("data"))
    }
}

fn client() -> ArithClient {
    ArithClient::local(Calculator::default())
}

fn serve(service: impl Service) -> Caller {
    let mut router = Router::default();
    service.register(&mut router).unwrap();
    Caller::local(router)
}

#[tokio::test]
async fn a_local_call_returns_its_result() {
    let arith = client();
    let expected = SumDiff {
        sum: 350,
        diff: -150,
    };
    assert_eq!(arith.sum_diff(100, 250).await.unwrap(), expected);
    assert_eq!(arith.version().await.unwrap(), 7);
    assert_eq!(arith.digest("name", &[1, 2, 255]).await.unwrap(), 262);
    assert_eq!(arith.described(5).await.unwrap(), "5 by version 7");
}

/// A local client calls its implementation under any service name.
#[tokio::test]
async fn a_local_client_may_use_another_service_name() {
    let arith = client().named("Second");
    assert_eq!(arith.version().await.unwrap(), 7);
    let compared = arith.check_compatibility().await.unwrap();
    assert_eq!(compared, chirp::Compatibility::Same);
}

/// A local handler calls back through the caller given to `local_with`; without one it has no peer.
#[tokio::test]
async fn a_local_handler_calls_back() {
    let mut router = Router::default();
    let service = ArithServer::new(Calculator::default());
    service.register(&mut router).unwrap();
    let back = serve(ArithServer::new(Calculator::default()));
    let arith = ArithClient::new(&Caller::local_with(router, back));
    assert_eq!(arith.notify_me(Duration::from_secs(3)).await.unwrap(), 10);

    let alone = client().notify_me(Duration::from_secs(3)).await;
    assert!(
        matches!(alone, Err(CallError::Rejected { .. })),
        "{alone:?}"
    );
}

#[tokio::test]
async fn a_call_owns_what_it_needs_and_is_sent_when_it_is_awaited() {
    let implementation = Arc::new(Calculator::default());
    let arith = ArithClient::new(&serve(ArithServer::from_arc(Arc::clone(&implementation))));
    let cast = {
        let line = String::from("said \"hi\"\n");
        arith.log(&line)
    };
    assert!(implementation.lines.lock().unwrap().is_empty());
    tokio::spawn(cast).await.unwrap().unwrap();
    assert_eq!(*implementation.lines.lock().unwrap(), ["said \"hi\"\n"]);
}

#[tokio::test]
async fn errors_come_back_unchanged() {
    let arith = client();
    for (how, expected) in [
        (
            "disliked",
            ArithError::Disliked(13, Some("unlucky".to_owned())),
        ),
        ("tired", ArithError::Tired),
        (
            "no\u{e9}",
            ArithError::Unknown {
                name: "no\u{e9}".to_owned(),
            },
        ),
    ] {
        match arith.failing(how).await {
            Err(MethodError::Handler(error)) => assert_eq!(error, expected),
            other => panic!("{how}: {other:?}"),
        }
    }
    let Err(MethodError::Handler(error)) = arith.sum_diff(i64::MAX, 1).await else {
        panic!("no overflow");
    };
    assert_eq!(error, ArithError::Overflow { a: i64::MAX, b: 1 });
    let Err(MethodError::Handler(error)) = arith.raw_error().await else {
        panic!("no error");
    };
    assert_eq!(error, ErrorData::new(5, "five").with_data("data"));
}

#[tokio::test]
async fn a_peer_without_the_types_sees_code_text_and_data() {
    let caller = serve(ArithServer::new(Calculator::default()));
    let mut params = vec![3];
    params.extend_from_slice(b"key");
    let Err(CallError::Remote(error)) = caller.call("Arith.fail", params).await else {
        panic!("no error");
    };
    assert_eq!(
        error,
        ErrorData::new(404, "no such name: key").with_data("key")
    );
}

#[tokio::test]
async fn an_error_of_another_kind_is_remote() {
    let caller = Caller::local(|_: chirp::Request| async {
        Err::<(), _>(ErrorData::new(17, "mine").with_data("\u{7f}\u{7f}\u{7f}"))
    });
    match ArithClient::new(&caller).sum_diff(1, 2).await {
        Err(MethodError::Call(CallError::Remote(error))) => assert_eq!(error.message, "mine"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn methods_answer_to_their_names_and_aliases_only() {
    let caller = serve(ArithServer::new(Calculator::default()));
    for name in ["Arith.fail", "Arith.fehlschlagen", "Arith.\u{e9}chouer"] {
        let result = caller.call(name, vec![0]).await;
        assert!(matches!(result, Err(CallError::Remote(_))), "{name}");
    }
    for name in ["Arith.failing", "arith.fail", "Arith.", "fail"] {
        let result = caller.call(name, vec![0]).await;
        assert!(
            matches!(result, Err(CallError::UnknownMethod { .. })),
            "{name}"
        );
    }
    assert_eq!(ArithMethods::FAILING.name(), "Arith.fail");
    assert_eq!(ArithMethods::ALL.len(), 8);
    assert_eq!(ArithMethods::ALL[0], ArithMethods::SUM_DIFF);
}

#[tokio::test]
async fn an_instance_may_have_another_name() {
    let mut router = Router::default();
    ArithServer::new(Calculator::default())
        .register(&mut router)
        .unwrap();
    let refused = ArithServer::new(Calculator::default())
        .register(&mut router)
        .unwrap_err();
    let RouteError::Duplicate { method, first, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(method, "Arith.sum_diff");
    assert_eq!(first, concat!("`", module_path!(), "::Arith`"));
    for (name, refused) in [
        ("chirp.Arith".to_owned(), "Reserved"),
        ("n".repeat(255), "NameTooLong"),
    ] {
        let error = ArithServer::new(Calculator::default())
            .named(&name)
            .register(&mut router)
            .unwrap_err();
        assert!(format!("{error:?}").starts_with(refused), "{error:?}");
    }
    ArithServer::new(Calculator::default())
        .named("Second")
        .register(&mut router)
        .unwrap();
    ArithServer::new(Calculator::default())
        .named("")
        .register(&mut router)
        .unwrap();
    let caller = Caller::local(router);
    for name in ["Arith", "Second", ""] {
        let arith = ArithClient::new(&caller).named(name);
        assert_eq!(arith.version().await.unwrap(), 7);
    }
    let arith = ArithClient::new(&caller).named("Third");
    assert!(matches!(
        arith.version().await,
        Err(CallError::UnknownMethod { .. })
    ));
}

/// Go programs put an arbitrary prefix before a method's name.
#[tokio::test]
async fn an_instance_may_have_a_prefix_without_a_dot() {
    let mut router = Router::default();
    for prefix in ["kv-", "Arith", "x.y/"] {
        ArithServer::new(Calculator::default())
            .prefixed(prefix)
            .register(&mut router)
            .unwrap();
    }
    let refused = ArithServer::new(Calculator::default())
        .prefixed("kv-")
        .register(&mut router)
        .unwrap_err();
    assert!(
        matches!(&refused, RouteError::Duplicate { method, .. } if method == "kv-sum_diff"),
        "{refused}"
    );
    let caller = Caller::local(router);
    for (prefix, method) in [
        ("kv-", "kv-version"),
        ("Arith", "Arithversion"),
        ("x.y/", "x.y/version"),
    ] {
        let arith = ArithClient::new(&caller).prefixed(prefix);
        assert_eq!(arith.version().await.unwrap(), 7);
        assert!(caller.call(method, "").await.is_ok(), "{method}");
    }
    for missing in [
        ArithClient::new(&caller),
        ArithClient::new(&caller).prefixed(""),
        ArithClient::new(&caller).named("kv-"),
    ] {
        let answer = missing.version().await;
        assert!(matches!(answer, Err(CallError::UnknownMethod { .. })));
    }
    // Without a prefix there is nothing to find.
    let local = ArithClient::local(Calculator::default()).prefixed("kv-");
    assert_eq!(local.version().await.unwrap(), 7);
}

#[tokio::test]
async fn wrong_arguments_and_trailing_bytes_are_refused() {
    let caller = serve(ArithServer::new(Calculator::default()));
    for (params, reason) in [
        (
            vec![],
            "argument 1 (i64): the bytes end before the value does",
        ),
        (
            vec![2],
            "argument 2 (i64): the bytes end before the value does",
        ),
        (vec![2, 4, 6], "1 byte is left over"),
        (vec![2, 4, 6, 8], "2 bytes are left over"),
    ] {
        match caller.call("Arith.sum_diff", params).await {
            Err(CallError::Rejected {
                reason: FrameworkError::InvalidArguments,
                message,
                ..
            }) => assert!(message.contains(reason), "{message}"),
            other => panic!("{other:?}"),
        }
    }
    let wrong = Caller::local(|_: chirp::Request| async { Ok::<_, ErrorData>(vec![1, 2, 3]) });
    let result = ArithClient::new(&wrong).version().await;
    assert!(matches!(result, Err(CallError::Decode(_))), "{result:?}");
}

/// Fails to serialize.
#[derive(Debug, Deserialize)]
struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("I will not go"))
    }
}

/// A `Result` alias, as many crates have.
type Fallible<T> = Result<T, ArithError>;
mod io {
    pub(crate) type Result<T> = super::Fallible<T>;
}

#[chirp::service(name = "")]
trait Odd {
    fn take(&self, value: Stubborn);
    fn give(&self) -> Stubborn;
    async fn alias(&self, fail: bool) -> io::Result<Vec<u8>>;
    fn all(&self) -> bool;
    fn r#type(&self, r#fn: u8) -> u8;
    #[allow(clippy::too_many_arguments, clippy::many_single_char_names)]
    fn many(
        &self,
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: u8,
        q: u8,
        r: u8,
        s: u8,
        t: &str,
    ) -> String;
    #[allow(clippy::too_many_arguments)]
    fn names(
        &self,
        self_: u8,
        ctx: u8,
        buf: u8,
        result: u8,
        request: u8,
        service: u8,
        arguments: u8,
        out: u8,
        answer: u8,
    ) -> Vec<u8>;
    #[cfg(any())]
    fn absent(&self, it: NoSuchType);
    #[cfg(not(unix))]
    fn platform(&self) -> u8;
    #[cfg(unix)]
    fn platform(&self) -> u16;
}

struct Oddity;

impl Odd for Oddity {
    fn take(&self, _: Stubborn) {}
    fn give(&self) -> Stubborn {
        Stubborn
    }
    async fn alias(&self, fail: bool) -> io::Result<Vec<u8>> {
        if fail {
            return Err(ArithError::Tired);
        }
        Ok(vec![0, 255])
    }
    fn all(&self) -> bool {
        true
    }
    fn r#type(&self, r#fn: u8) -> u8 {
        r#fn
    }
    #[allow(clippy::many_single_char_names)]
    #[rustfmt::skip]
    fn many(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8,
        m: u8, n: u8, o: u8, p: u8, q: u8, r: u8, s: u8, t: &str,
    ) -> String {
        format!("{:?}{t}", [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s])
    }
    #[rustfmt::skip]
    fn names(
        &self, self_: u8, ctx: u8, buf: u8, result: u8, request: u8, service: u8, arguments: u8,
        out: u8, answer: u8,
    ) -> Vec<u8> {
        vec![self_, ctx, buf, result, request, service, arguments, out, answer]
    }
    #[cfg(unix)]
    fn platform(&self) -> u16 {
        1
    }
    #[cfg(not(unix))]
    fn platform(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn unusual_method_signatures_work() {
    let odd = OddClient::local(Oddity);
    match odd.take(Stubborn).await {
        Err(CallError::Encode(reason)) => assert_eq!(reason, "I will not go"),
        other => panic!("{other:?}"),
    }
    match odd.give().await {
        Err(CallError::Rejected {
            reason, message, ..
        }) => {
            assert_eq!(reason, FrameworkError::InvalidResult);
            assert!(message.ends_with("I will not go"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(odd.alias(false).await.unwrap(), [0, 255]);
    assert!(matches!(
        odd.alias(true).await,
        Err(MethodError::Handler(ArithError::Tired))
    ));
    assert!(odd.all().await.unwrap());
    assert_eq!(odd.r#type(3).await.unwrap(), 3);
    assert_eq!(OddMethods::TYPE.name(), "type");
    assert_eq!(OddMethods::ALL_.name(), "all");
    let all = odd
        .many(
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, "twenty",
        )
        .await
        .unwrap();
    assert!(all.ends_with("18, 19]twenty"), "{all}");
    let names = odd.names(1, 2, 3, 4, 5, 6, 7, 8, 9).await.unwrap();
    assert_eq!(names, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(odd.platform().await.unwrap(), 1);
}
