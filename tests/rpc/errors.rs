//! Errors from a method to its caller: their encoding, and their conversion into the program's own error.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[cfg(all(feature = "json", feature = "messagepack"))]
mod json;
mod outcomes;

use std::error::Error;
use std::io::{self, ErrorKind};
use std::str::FromStr;

use chirp::codec::CodecId;
use chirp::packet::ErrorData;
use chirp::{CallError, Caller, MethodError, Request, ServiceError};

/// Codes shared with other programs.
mod codes {
    pub(crate) const FULL: u16 = 507;
}

const READ_ONLY: u16 = 403;

/// An error enum with variants of every shape.
#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
#[non_exhaustive]
enum StoreError {
    /// The file does not exist.
    #[error("there is no {key:?}")]
    #[chirp(code = 404)]
    Missing {
        /// Which.
        key: String,
    },
    #[error("{0} of {1} bytes")]
    #[chirp(code = codes::FULL)]
    Full(u64, u64),
    #[error("read only")]
    #[chirp(code = READ_ONLY)]
    ReadOnly,
    #[error("empty")]
    #[chirp(code = 1)]
    Braces {},
    #[error("empty, too")]
    #[chirp(code = 2)]
    Parentheses(),
    #[error("the disk failed")]
    #[chirp(code = 500)]
    Disk(#[source] DiskError),
    #[cfg(unix)]
    #[error("this is unix")]
    #[chirp(code = 9)]
    Platform(u8),
    // A variant that is compiled out may have any code.
    #[cfg(not(unix))]
    #[error("this is not unix")]
    #[chirp(code = 9)]
    Platform(u16),
}

/// A source error, which need not be a service error.
#[derive(Debug, PartialEq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("block {block} is bad")]
struct DiskError {
    block: u64,
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
#[error("try again in {0} s")]
#[chirp(code = 429)]
struct Later(u32);

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
#[error("no")]
#[chirp(code = 65535)]
struct No;

/// An error without `std::error::Error`; it needs only `Display`.
#[derive(Debug, chirp::ServiceError)]
#[chirp(code = 3)]
struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("silence")
    }
}

#[chirp::service]
trait Store {
    async fn size(&self) -> u64;
    async fn fail(&self, how: &str) -> Result<u64, StoreError>;
    async fn later(&self, seconds: u32) -> Result<u64, Later>;
    fn no(&self) -> Result<(), No>;
    fn silent(&self) -> Result<(), Silent>;
    async fn io(&self, kind: &str) -> io::Result<Vec<u8>>;
    fn text(&self) -> Result<u8, String>;
    /// Converts any error with `?`.
    async fn parse(&self, number: &str) -> Result<i32, Box<dyn Error + Send + Sync>>;
    async fn nested(&self, from: &str) -> Result<u64, ErrorData>;
    async fn forwarded(&self) -> Result<u64, CallError>;
}

struct Disk;

impl Store for Disk {
    async fn size(&self) -> u64 {
        7
    }

    async fn fail(&self, how: &str) -> Result<u64, StoreError> {
        Err(match how {
            "missing" => StoreError::Missing { key: "k".into() },
            "full" => StoreError::Full(1, u64::MAX),
            "read only" => StoreError::ReadOnly,
            "braces" => StoreError::Braces {},
            "parentheses" => StoreError::Parentheses(),
            "disk" => StoreError::Disk(DiskError { block: 5 }),
            "platform" => StoreError::Platform(3),
            _ => return Ok(1),
        })
    }

    async fn later(&self, seconds: u32) -> Result<u64, Later> {
        Err(Later(seconds))
    }

    fn no(&self) -> Result<(), No> {
        Err(No)
    }

    fn silent(&self) -> Result<(), Silent> {
        Err(Silent)
    }

    async fn io(&self, kind: &str) -> io::Result<Vec<u8>> {
        match kind {
            "os" => std::fs::read("no/such/file"),
            "eof" => Err(ErrorKind::UnexpectedEof.into()),
            _ => Err(io::Error::other(kind.to_owned())),
        }
    }

    fn text(&self) -> Result<u8, String> {
        Err("in words".to_owned())
    }

    async fn parse(&self, number: &str) -> Result<i32, Box<dyn Error + Send + Sync>> {
        if number.is_empty() {
            return Err(ErrorData::new(12, "nothing").with_data("as it is").into());
        }
        Ok(i32::from_str(number)?)
    }

    async fn nested(&self, from: &str) -> Result<u64, ErrorData> {
        let other = StoreClient::local(Disk);
        if from == "nobody" {
            let nobody = StoreClient::new(&Caller::local(chirp::Router::default()));
            return Ok(nobody.size().await?);
        }
        Ok(other.fail(from).await? + other.later(1).await?)
    }

    async fn forwarded(&self) -> Result<u64, CallError> {
        StoreClient::new(&Caller::local(chirp::Router::default()))
            .size()
            .await
    }
}

fn store() -> StoreClient {
    StoreClient::local(Disk)
}

#[tokio::test]
async fn errors_of_every_shape_come_back_unchanged() {
    for (how, expected) in [
        ("missing", StoreError::Missing { key: "k".into() }),
        ("full", StoreError::Full(1, u64::MAX)),
        ("read only", StoreError::ReadOnly),
        ("braces", StoreError::Braces {}),
        ("parentheses", StoreError::Parentheses()),
        ("disk", StoreError::Disk(DiskError { block: 5 })),
        ("platform", StoreError::Platform(3)),
    ] {
        match store().fail(how).await {
            Err(MethodError::Handler(error)) => assert_eq!(error, expected),
            other => panic!("{how}: {other:?}"),
        }
    }
    assert!(matches!(
        store().later(9).await,
        Err(MethodError::Handler(Later(9)))
    ));
    assert!(matches!(store().no().await, Err(MethodError::Handler(No))));
    let silent = store().silent().await.unwrap_err();
    assert_eq!(silent.to_string(), "silence");
    assert!(silent.source().is_none());
}

/// Errors of a peer without these types, and what they decode to.
#[tokio::test]
async fn errors_of_other_types_are_returned_unchanged() {
    for (error, known) in [
        (ErrorData::new(403, "in other words"), true),
        (ErrorData::new(403, "").with_data("x"), false),
        (ErrorData::new(405, "unknown code"), false),
        (ErrorData::new(0, "no code"), false),
        (ErrorData::new(404, "no fields"), false),
        (ErrorData::new(404, "field").with_data("\u{1}k"), true),
        (ErrorData::new(404, "more").with_data("\u{1}kk"), false),
        (ErrorData::default(), false),
    ] {
        let answer = error.clone();
        let caller = Caller::local(move |_: Request| {
            let answer = answer.clone();
            async move { Err::<(), _>(answer) }
        });
        match StoreClient::new(&caller).fail("").await {
            Err(MethodError::Handler(_)) => assert!(known, "{error}"),
            Err(MethodError::Call(CallError::Remote(came))) => {
                assert!(!known, "{error}");
                assert_eq!(came, error);
            }
            other => panic!("{error}: {other:?}"),
        }
    }
}

/// Errors of a peer with other types: one has code 0, and some are unknown here.
#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum ForeignError {
    #[error("plain")]
    #[chirp(code = 0)]
    Plain,
    #[error("the key {0:?}")]
    #[chirp(code = 404)]
    Missing(#[chirp(data)] String),
    #[error("{kept}")]
    #[chirp(other)]
    Other { kept: Box<ErrorData> },
}

/// With fields that a codec encodes, and the code 0 as a constant.
#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum WithFields {
    #[error("{0} seconds")]
    #[chirp(code = WithFields::PLAIN)]
    Seconds(u64),
    #[error(transparent)]
    #[chirp(other)]
    Other(ErrorData),
}

impl WithFields {
    const PLAIN: u16 = 0;
}

/// `Raw` cannot carry fields, and this error has none.
#[chirp::service(codec = chirp::codec::Raw)]
trait Foreign {
    async fn fail(&self, how: &str) -> Result<(), ForeignError>;
}

fn kept(error: ErrorData) -> ForeignError {
    let kept = Box::new(error);
    ForeignError::Other { kept }
}

impl Foreign for Disk {
    async fn fail(&self, how: &str) -> Result<(), ForeignError> {
        Err(match how {
            "plain" => ForeignError::Plain,
            "missing" => ForeignError::Missing("k".to_owned()),
            other => kept(ErrorData::new(17, other).with_data("as it is")),
        })
    }
}

#[tokio::test]
async fn a_variant_may_catch_every_other_error() {
    for (error, expected) in [
        (ErrorData::default(), ForeignError::Plain),
        (ErrorData::new(0, "in words"), ForeignError::Plain),
        (
            ErrorData::new(404, "?").with_data("k"),
            ForeignError::Missing("k".to_owned()),
        ),
    ] {
        assert_eq!(
            ForeignError::from_error_data(&error, CodecId::Raw),
            Some(expected)
        );
    }
    for error in [
        ErrorData::new(0, "data").with_data("more"),
        ErrorData::new(404, "not text").with_data(&b"\xff"[..]),
        ErrorData::new(17, "unknown").with_data("as it is"),
        ErrorData::new(65535, ""),
    ] {
        let decoded = ForeignError::from_error_data(&error, CodecId::Raw).unwrap();
        assert_eq!(decoded, kept(error.clone()));
        assert_eq!(decoded.to_error_data(CodecId::Raw), error);
    }
    // Data that does not decode as the variant's fields is another error, too.
    for (data, expected) in [
        (&[5][..], WithFields::Seconds(5)),
        (
            &[5, 5],
            WithFields::Other(ErrorData::new(0, "").with_data(&[5, 5][..])),
        ),
        (&[], WithFields::Other(ErrorData::default())),
    ] {
        let error = ErrorData::new(0, "").with_data(data.to_vec());
        let decoded = WithFields::from_error_data(&error, CodecId::Bincode).unwrap();
        assert_eq!(decoded, expected);
        assert_eq!(decoded.to_error_data(CodecId::Bincode).data, data);
    }

    let client = ForeignClient::local(Disk);
    for (how, expected) in [
        ("plain", ForeignError::Plain),
        ("missing", ForeignError::Missing("k".to_owned())),
        ("odd", kept(ErrorData::new(17, "odd").with_data("as it is"))),
    ] {
        match client.fail(how).await {
            Err(MethodError::Handler(error)) => assert_eq!(error, expected),
            other => panic!("{how}: {other:?}"),
        }
    }
    let unknown = ForeignClient::new(&Caller::local(chirp::Router::default()));
    let unknown = unknown.fail("plain").await;
    assert!(matches!(
        unknown,
        Err(MethodError::Call(CallError::UnknownMethod { .. }))
    ));
}

#[tokio::test]
async fn standard_library_errors_are_service_errors() {
    let Err(MethodError::Handler(missing)) = store().io("os").await else {
        panic!("no such error");
    };
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(
        missing.to_string(),
        "No such file or directory (os error 2)"
    );
    let Err(MethodError::Handler(eof)) = store().io("eof").await else {
        panic!("no such error");
    };
    assert_eq!(eof.kind(), ErrorKind::UnexpectedEof);
    let Err(MethodError::Handler(other)) = store().io("odd").await else {
        panic!("no such error");
    };
    assert_eq!(
        (other.kind(), other.to_string()),
        (ErrorKind::Other, "odd".to_owned())
    );

    let text = store().text().await;
    assert!(matches!(text, Err(MethodError::Handler(text)) if text == "in words"));

    let parse = store().parse("many").await.unwrap_err();
    assert_eq!(parse.to_string(), "invalid digit found in string");
    let Err(MethodError::Handler(error)) = store().parse("").await else {
        panic!("no such error");
    };
    let error = error.downcast::<ErrorData>().unwrap();
    assert_eq!(*error, ErrorData::new(12, "nothing").with_data("as it is"));
}

/// The codes are part of the wire format and must not change.
#[test]
fn kinds_of_io_errors_have_fixed_codes() {
    let decode = |code| io::Error::from_error_data(&ErrorData::new(code, "why"), CodecId::Raw);
    for code in 0..=38 {
        let error = decode(code).unwrap();
        assert_eq!(
            error.to_error_data(CodecId::Raw),
            ErrorData::new(code, "why")
        );
    }
    for (code, kind) in [
        (0, ErrorKind::Other),
        (1, ErrorKind::NotFound),
        (13, ErrorKind::AlreadyExists),
        (22, ErrorKind::TimedOut),
        (38, ErrorKind::OutOfMemory),
    ] {
        assert_eq!(decode(code).unwrap().kind(), kind);
    }
    assert!(decode(39).is_none());
    let more = ErrorData::new(1, "why").with_data("more");
    assert!(io::Error::from_error_data(&more, CodecId::Raw).is_none());
}

/// A handler without a service trait can use `?`, too.
#[tokio::test]
async fn closures_return_the_same_errors_as_methods() {
    async fn answer(how: String) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        match how.as_str() {
            "data" => Err(ErrorData::new(12, "nothing").into()),
            "nested" => Err(store().later(1).await.unwrap_err().into()),
            number => Ok(vec![u8::from_str(number)?]),
        }
    }
    let boxed = Caller::local(|request: Request| {
        answer(String::from_utf8_lossy(request.params()).into_owned())
    });
    let read = Caller::local(|_: Request| async { std::fs::read("no/such/file") });
    let nested = Caller::local(|_: Request| async {
        let seconds = store().later(2).await?;
        Ok::<_, MethodError<Later>>(seconds.to_be_bytes().to_vec())
    });
    assert_eq!(boxed.call("", "7").await.unwrap(), [7].as_slice());
    for (caller, params, code, text) in [
        (&boxed, "x", 0, "invalid digit found in string"),
        (&boxed, "data", 12, "nothing"),
        (&boxed, "nested", 0, "try again in 1 s"),
        (&read, "", 1, "No such file or directory (os error 2)"),
        (
            &nested,
            "",
            0,
            "a call made by the handler failed: try again in 2 s",
        ),
    ] {
        match caller.call("", params).await {
            Err(CallError::Remote(error)) => assert_eq!(error, ErrorData::new(code, text)),
            other => panic!("{params}: {other:?}"),
        }
    }
}

/// An unknown method or a service error of a nested call must not reach the outer caller with the same meaning.
#[tokio::test]
async fn a_nested_failure_is_the_handlers_own() {
    for (from, text) in [
        ("nobody", "unknown method"),
        ("missing", "there is no \"k\""),
        ("", "try again in 1 s"),
    ] {
        let Err(MethodError::Handler(error)) = store().nested(from).await else {
            panic!("{from}: no error");
        };
        assert_eq!(
            error,
            ErrorData::new(0, format!("a call made by the handler failed: {text}"))
        );
    }
    match store().forwarded().await {
        Err(MethodError::Handler(CallError::Remote(error))) => assert_eq!(error.code, 0),
        other => panic!("{other:?}"),
    }
}
