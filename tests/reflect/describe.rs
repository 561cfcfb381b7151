//! Descriptions of services, as a caller gets them.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::{Channel, memory};
use chirp::packet::FrameworkError;
use chirp::reflect::{Description, JsonCaller, Shape};
use chirp::stream::Receiver;
use chirp::{
    AccessPolicy, CallContext, CallError, Identity, Limits, MethodError, Peer, PeerBuilder,
    PublicKey,
};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::call;
use crate::support::{echo, pair};

/// A position.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    x: f64,
    y: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Secret {
    code: u32,
}

/// Reasons why a file cannot be read.
#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum FileError {
    /// There is no such file.
    #[error("no file {name}")]
    #[chirp(code = 404)]
    NotFound { name: String, near: Vec<Place> },
    #[error("full")]
    #[chirp(code = 507)]
    Full(u64, Option<u8>),
    #[error("broken")]
    #[chirp(code = 500)]
    Broken(#[chirp(data)] Vec<u8>),
}

/// Stores files.
///
/// Second paragraph.
#[chirp::service(ordered)]
trait Files {
    /// Reads a file.
    ///
    ///     indented
    #[chirp(alias = "get", idempotent, deadline = "1500ms")]
    async fn read(
        &self,
        name: &str,
        offset: Option<u64>,
        cx: &CallContext,
    ) -> Result<Bytes, FileError>;
    #[chirp(oneway)]
    async fn touch(&self, name: String);
    #[deprecated(note = "use `read`")]
    async fn cat(
        &self,
        names: &[String],
    ) -> Result<impl Stream<Item = Result<Bytes, FileError>>, FileError>;
    #[chirp(named)]
    async fn store(
        &self,
        #[serde(alias = "file")] name: &str,
        data: Receiver<Bytes>,
        #[serde(default)] place: Place,
    ) -> u64;
    async fn secret(&self) -> Secret;
}

impl Default for Place {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0 }
    }
}

struct Disk;

impl Files for Disk {
    async fn read(&self, name: &str, _: Option<u64>, _: &CallContext) -> Result<Bytes, FileError> {
        match name {
            "full" => Err(FileError::Full(7, None)),
            "broken" => Err(FileError::Broken(vec![1, 2])),
            "" => Ok(Bytes::from_static(b"x")),
            name => Err(FileError::NotFound {
                name: name.to_owned(),
                near: vec![Place::default()],
            }),
        }
    }

    async fn touch(&self, _: String) {}

    async fn cat(
        &self,
        _: &[String],
    ) -> Result<impl Stream<Item = Result<Bytes, FileError>>, FileError> {
        Ok(tokio_stream::iter([Ok(Bytes::from_static(b"a"))]))
    }

    async fn store(&self, _: &str, _: Receiver<Bytes>, _: Place) -> u64 {
        0
    }

    async fn secret(&self) -> Secret {
        Secret { code: 1 }
    }
}

#[chirp::service(reflect = false)]
trait Hidden {
    async fn hide(&self);
}

struct Nothing;

impl Hidden for Nothing {
    async fn hide(&self) {}
}

#[chirp::service]
trait Tables {
    async fn pairs(&self) -> HashMap<(u8, u8), u8>;
    async fn nested(&self) -> Vec<Option<HashMap<Vec<u8>, u8>>>;
    async fn take(&self, map: HashMap<(u8, u8), u8>);
    async fn plain(&self) -> HashMap<u8, u8>;
}

/// Panics if a method runs.
struct Unreached;

impl Tables for Unreached {
    async fn pairs(&self) -> HashMap<(u8, u8), u8> {
        panic!("this ran")
    }

    async fn nested(&self) -> Vec<Option<HashMap<Vec<u8>, u8>>> {
        panic!("this ran")
    }

    async fn take(&self, _: HashMap<(u8, u8), u8>) {
        panic!("this ran")
    }

    async fn plain(&self) -> HashMap<u8, u8> {
        HashMap::from([(1, 2)])
    }
}

fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .service(FilesServer::new(Disk))
        .service(FilesServer::new(Disk).named("Attic"))
        .service(FilesServer::new(Disk).prefixed("file-"))
        .service(HiddenServer::new(Nothing))
        .handle("plain", echo)
        .routes(|router| {
            assert!(router.alias("short", "Files.read"));
            Ok(())
        })
        .reflect()
}

fn connected(serving: &PeerBuilder) -> Peer {
    pair(serving, &PeerBuilder::new()).1
}

#[tokio::test]
async fn a_service_is_described() {
    let peer = connected(&serving());
    let description = JsonCaller::new(&peer).describe().await.unwrap();
    assert_eq!(description.version, Description::VERSION);
    assert_eq!(description.others, ["Hidden.hide", "plain"]);
    let names: Vec<_> = description
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    assert_eq!(names, ["", "Attic", "Files"]);
    assert_eq!(description.services[0].methods[0].name, "file-read");
    let files = &description.services[2];
    assert_eq!(files.documentation, "Stores files.\n\nSecond paragraph.");
    assert_eq!((&*files.codec, files.ordered), ("Bincode", true));
    let names: Vec<_> = files.methods.iter().map(|method| &*method.name).collect();
    assert_eq!(
        names,
        [
            "Files.read",
            "Files.touch",
            "Files.cat",
            "Files.store",
            "Files.secret"
        ]
    );

    let read = description.method("short").unwrap();
    assert_eq!(read.name, "Files.read");
    assert_eq!(read.aliases, ["Files.get", "short"]);
    assert_eq!(read.documentation, "Reads a file.\n\n    indented");
    assert!(read.idempotent && !read.one_way && !read.named);
    assert_eq!(read.deadline_ms, Some(1500));
    let arguments: Vec<_> = read
        .arguments
        .iter()
        .map(|argument| {
            (
                &*argument.name,
                &*argument.value.type_name,
                argument.required,
            )
        })
        .collect();
    assert_eq!(
        arguments,
        [("name", "&str", true), ("offset", "Option<u64>", false)]
    );
    let result = read.result.as_ref().unwrap();
    assert_eq!(
        (&*result.type_name, &result.readable),
        ("Bytes", &Shape::Bytes)
    );
    let fingerprint = FilesMethods::CONTRACT.methods()[0].fingerprint();
    assert_eq!(read.fingerprint, Some(format!("{fingerprint:016x}")));

    let [not_found, full, broken] = &read.errors[..] else {
        panic!("{:?}", read.errors)
    };
    assert_eq!((not_found.code, &*not_found.name), (404, "NotFound"));
    assert_eq!(not_found.documentation, "There is no such file.");
    let fields: Vec<_> = not_found
        .fields
        .iter()
        .map(|field| (&*field.name, field.value.readable.to_string()))
        .collect();
    assert_eq!(
        fields,
        [
            ("name", "string".to_owned()),
            ("near", "[Place]".to_owned())
        ]
    );
    assert_eq!(full.fields[1].name, "1");
    assert_eq!((broken.raw, broken.fields.len()), (true, 0));

    let touch = description.method("Files.touch").unwrap();
    assert!(touch.one_way && touch.result.is_none());
    let cat = description.method("Files.cat").unwrap();
    assert_eq!(cat.deprecated.as_deref(), Some("use `read`"));
    assert_eq!(cat.arguments[0].value.type_name, "&[String]");
    assert_eq!(cat.items.as_ref().unwrap().readable, Shape::Bytes);
    assert_eq!(cat.errors.len(), 3);
    let store = description.method("Files.store").unwrap();
    assert!(store.named);
    assert_eq!(store.arguments[0].aliases, ["file"]);
    assert!(store.arguments[1].stream && store.arguments[1].required);
    assert_eq!(store.arguments[1].value.readable, Shape::Bytes);
    assert!(!store.arguments[2].required);
    let types: Vec<_> = description.types.readable.keys().collect();
    assert_eq!(types, ["Place", "Secret"]);
    assert_eq!(description.types.compact.len(), 2);
}

#[tokio::test]
async fn parts_are_described_by_their_names() {
    let peer = connected(&serving());
    let json = JsonCaller::new(&peer);
    let attic = json.describe_of("Attic").await.unwrap();
    assert_eq!(attic.services.len(), 1);
    assert_eq!(attic.services[0].methods.len(), 5);
    let read = json.describe_of("Files.get").await.unwrap();
    assert_eq!(read.services[0].methods.len(), 1);
    assert_eq!(read.types.readable.keys().collect::<Vec<_>>(), ["Place"]);
    assert_eq!(json.describe_of("plain").await.unwrap().others, ["plain"]);
    let none = json.describe_of("Files.unknown").await.unwrap();
    assert!(none.services.is_empty() && none.others.is_empty() && none.types.readable.is_empty());
    let invalid = peer.call("chirp.reflect.describe", b"\xff".to_vec()).await;
    assert!(matches!(
        invalid,
        Err(CallError::Rejected {
            reason: FrameworkError::InvalidArguments,
            ..
        })
    ));
}

#[tokio::test]
async fn callers_see_only_what_they_may_call() {
    let guest = PublicKey::from_bytes([2; 32]);
    let access = AccessPolicy::new().allow(["Files.read", "plain"], move |who| who.is_key(&guest));
    let serving = serving().access(access);
    let (here, there): (Channel, Channel) = memory();
    let _serving = serving
        .start(there.with_identity(Identity::Key(guest)))
        .unwrap();
    let peer = PeerBuilder::new().start(here).unwrap();
    let json = JsonCaller::new(&peer);
    let description = json.describe().await.unwrap();
    let methods = description
        .services
        .iter()
        .flat_map(|service| &service.methods);
    let names: Vec<_> = methods.map(|method| &*method.name).collect();
    assert_eq!(names, ["Files.read"]);
    assert_eq!(description.others, ["plain"]);
    assert!(!description.types.readable.contains_key("Secret"));
    assert!(
        json.describe_of("Files.secret")
            .await
            .unwrap()
            .services
            .is_empty()
    );
    let nobody = connected(&serving);
    assert!(
        JsonCaller::new(&nobody)
            .describe()
            .await
            .unwrap()
            .services
            .is_empty()
    );
}

#[tokio::test]
async fn nothing_is_described_unless_turned_on() {
    let peer = connected(&PeerBuilder::new().service(FilesServer::new(Disk)));
    let answer = JsonCaller::new(&peer).describe().await;
    assert!(
        matches!(answer, Err(CallError::UnknownMethod { .. })),
        "{answer:?}"
    );
    let peer = connected(&serving());
    let hidden = call(&peer, "Hidden.hide", "").await;
    assert!(
        matches!(hidden, Err(CallError::UnknownMethod { .. })),
        "{hidden:?}"
    );
}

#[tokio::test]
async fn descriptions_follow_changes_of_routes() {
    let serving = serving();
    let (serving, peer) = pair(&serving, &PeerBuilder::new());
    let json = JsonCaller::new(&peer);
    assert_eq!(json.describe().await.unwrap().others.len(), 2);
    serving.update_routes(|router| {
        router.remove("plain");
        router.remove("Files.secret");
    });
    let description = json.describe().await.unwrap();
    assert_eq!(description.others, ["Hidden.hide"]);
    assert!(description.method("Files.secret").is_none());
}

#[tokio::test]
async fn a_description_over_the_payload_limit_is_an_error() {
    let limit = Duration::from_secs(10);
    let peer = connected(&serving().limits(Limits::default().max_payload(1000)));
    let answer = JsonCaller::new(&peer).describe().timeout(limit).await;
    assert!(
        matches!(answer, Err(CallError::Rejected { .. })),
        "{answer:?}"
    );
    assert!(JsonCaller::new(&peer).describe_of("plain").await.is_ok());
}

#[tokio::test]
async fn what_json_cannot_hold_is_refused_before_the_method_runs() {
    let serving = PeerBuilder::new()
        .service(TablesServer::new(Unreached))
        .reflect();
    let peer = connected(&serving);
    for (method, part) in [
        ("pairs", "the result (HashMap<(u8, u8), u8>)"),
        ("nested", "the result (Vec<Option<HashMap<Vec<u8>, u8>>>)"),
        ("take", "argument `map` (HashMap<(u8, u8), u8>)"),
    ] {
        match call(&peer, &format!("Tables.{method}"), "{}").await {
            Err(CallError::Rejected {
                reason: FrameworkError::Unsupported,
                message,
                ..
            }) => assert!(message.contains(part), "{message}"),
            other => panic!("{method}: {other:?}"),
        }
    }
    assert_eq!(call(&peer, "Tables.plain", "").await.unwrap(), r#"{"1":2}"#);
}

#[tokio::test]
async fn errors_are_json() {
    let peer = connected(&serving());
    for (name, code, data) in [
        ("a", 404, r#"{"name":"a","near":[{"x":0.0,"y":0.0}]}"#),
        ("full", 507, "[7,null]"),
        ("broken", 500, r#""AQI=""#),
    ] {
        match call(&peer, "Files.read", &format!("[{name:?}]")).await {
            Err(CallError::Remote(error)) => {
                assert_eq!((error.code, &error.data[..]), (code, data.as_bytes()));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(
        call(&peer, "Attic.read", r#"{"name":""}"#).await.unwrap(),
        r#""eA==""#
    );
    assert_eq!(
        call(&peer, "file-get", r#"{"name":""}"#).await.unwrap(),
        r#""eA==""#
    );
    assert_eq!(
        call(&peer, "short", r#"{"name":""}"#).await.unwrap(),
        r#""eA==""#
    );
    let client = FilesClient::new(&peer).with_json();
    let error = client.read("broken", None).await.unwrap_err();
    let MethodError::Handler(FileError::Broken(data)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(data, [1, 2]);
    let error = client.read("full", None).await.unwrap_err();
    assert!(matches!(
        error,
        MethodError::Handler(FileError::Full(7, None))
    ));
    assert_eq!(client.read("", None).await.unwrap(), "x");
}
