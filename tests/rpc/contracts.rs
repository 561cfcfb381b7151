//! Comparing a client's contract with the other side's.

#![allow(dead_code, reason = "some services are only compared")]

use crate::support::{LINKS_AND_PROXY, connected, echo};
use bytes::Bytes;
use chirp::packet::{CONTRACT_METHOD, ErrorData, FrameworkError, ServedMethod};
use chirp::{
    CallError, Caller, Compatibility, Contract, Mismatch, PeerBuilder, Request, Router, Service,
};

/// Version one of a program.
mod one {
    #[chirp::service]
    pub(crate) trait Store {
        async fn get(&self, key: &str) -> Option<u64>;
        async fn put(&self, key: &str, value: u64);
        async fn forget(&self, key: &str) -> bool;
        #[chirp(oneway)]
        async fn touch(&self, key: &str);
    }
}

/// Version two of the program.
mod two {
    #[chirp::service]
    pub(crate) trait Store {
        async fn get(&self, key: String) -> Option<u64>;
        async fn put(&self, key: &str, value: u64, ttl: std::time::Duration);
        #[chirp(alias = "forget")]
        fn remove(&self, key: &str) -> bool;
        async fn touch(&self, key: &str);
        async fn clear(&self);
    }

    pub(crate) struct Empty;

    impl Store for Empty {
        async fn get(&self, _: String) -> Option<u64> {
            None
        }

        async fn put(&self, _: &str, _: u64, _: std::time::Duration) {}

        fn remove(&self, _: &str) -> bool {
            false
        }

        async fn touch(&self, _: &str) {}

        async fn clear(&self) {}
    }
}

fn differs(methods: &[&str]) -> Compatibility {
    let differences = methods.iter().map(|method| match method.strip_prefix('-') {
        Some(missing) => Mismatch::Missing {
            method: missing.to_owned(),
        },
        None => Mismatch::Signature {
            method: (*method).to_owned(),
        },
    });
    Compatibility::Differs(differences.collect())
}

#[tokio::test]
async fn a_comparison_names_the_methods_that_differ() {
    for link in LINKS_AND_PROXY {
        let builder = PeerBuilder::new().service(two::StoreServer::new(two::Empty));
        let (peer, _serving) = connected(link, &PeerBuilder::new(), &builder).await;
        let same = two::StoreClient::new(&peer).check_compatibility().await;
        assert_eq!(same.expect("an answer"), Compatibility::Same);
        let other = one::StoreClient::new(&peer).check_compatibility().await;
        let other = other.expect("an answer");
        assert_eq!(other, differs(&["Store.put", "Store.touch"]));
        assert_eq!(
            other.to_string(),
            "`Store.put` has another signature, `Store.touch` has another signature"
        );
        // Calls work by name, whatever the comparison says.
        let got = one::StoreClient::new(&peer).get("key").await;
        assert_eq!(got.expect("an answer"), None);
    }
}

#[tokio::test]
async fn a_service_is_compared_under_its_instance_name() {
    let mut router = Router::default();
    let service = two::StoreServer::new(two::Empty).named("Users");
    service.register(&mut router).expect("no duplicates");
    let caller = Caller::local(router);
    let users = two::StoreClient::new(&caller).named("Users");
    let same = users.check_compatibility().await;
    assert_eq!(same.expect("an answer"), Compatibility::Same);
    let missing = one::StoreClient::new(&caller).check_compatibility().await;
    let missing = missing.expect("an answer");
    let expected = ["-Store.get", "-Store.put", "-Store.forget", "-Store.touch"];
    assert_eq!(missing, differs(&expected));
    assert!(missing.to_string().starts_with("`Store.get` is missing, "));
}

/// Peers that do not know the query, or do not know signatures.
#[tokio::test]
async fn handlers_outside_of_services_have_no_known_signature() {
    for link in LINKS_AND_PROXY {
        let silent = PeerBuilder::new();
        let by_hand = PeerBuilder::new()
            .handle("Store.get", echo)
            .handle("Store.put", echo)
            .handle("Store.forget", echo)
            .handle("Store.touch", echo);
        let anything = PeerBuilder::new().fallback(echo);
        for (builder, expected) in [
            (
                silent,
                differs(&["-Store.get", "-Store.put", "-Store.forget", "-Store.touch"]),
            ),
            (by_hand, Compatibility::Unknown),
            (anything, Compatibility::Unknown),
        ] {
            let (peer, _serving) = connected(link, &PeerBuilder::new(), &builder).await;
            let found = one::StoreClient::new(&peer).check_compatibility().await;
            assert_eq!(found.expect("an answer"), expected);
        }
    }
}

/// A plain v0 peer, with its response to an unknown method.
#[tokio::test]
async fn a_plain_peer_gives_unknown_and_no_error() {
    type Answer = fn(Request) -> Result<Bytes, ErrorData>;
    let answers: [Answer; 5] = [
        |request| Ok(request.into_params()),
        |_| Ok(Bytes::new()),
        |_| Ok(Bytes::from_static(b"\xc7NGIS\x00")),
        |_| Ok(Bytes::from_static(b"\xc7NGIS\x02\x00\x00")),
        |_| Err(ErrorData::new(404, "what?")),
    ];
    for answer in answers {
        let plain = move |request: Request| std::future::ready(answer(request));
        let store = one::StoreClient::new(&Caller::local(plain));
        let found = store.check_compatibility().await.expect("no error");
        assert_eq!(found, Compatibility::Unknown);
    }
    let unknown = Caller::local(|_: Request| async { chirp::Reply::UnknownMethod });
    let found = one::StoreClient::new(&unknown).check_compatibility().await;
    assert_eq!(found.expect("no error"), Compatibility::Unknown);
}

#[tokio::test]
async fn a_connection_that_ends_is_an_error() {
    for link in LINKS_AND_PROXY {
        let (peer, serving) = connected(link, &PeerBuilder::new(), &PeerBuilder::new()).await;
        let comparing = one::StoreClient::new(&peer).check_compatibility();
        serving.close();
        peer.closed().await;
        let error = comparing.await.expect_err("no answer");
        assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
    }
}

#[tokio::test]
async fn a_query_with_too_many_methods_is_refused() {
    let caller = Caller::local(Router::default());
    let names = vec![&b""[..]; ServedMethod::MAX_METHODS + 1];
    for question in [
        ServedMethod::encode_question(names),
        b"nothing like it".to_vec(),
        b"\xc7SIGN\x05abc".to_vec(),
    ] {
        let refused = caller.call(CONTRACT_METHOD, question).await;
        let Err(CallError::Rejected { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(reason, FrameworkError::InvalidArguments);
    }
}

/// The same methods, written differently.
mod alike {
    use bytes::Bytes;
    use std::borrow::Cow;

    #[chirp::service(name = "A")]
    pub(super) trait Borrowed {
        async fn f(
            &self,
            a: &str,
            b: &[u8],
            c: &[std::time::Duration],
            d: Option<&str>,
            e: &u8,
        ) -> Vec<u8>;
    }

    #[chirp::service(name = "B", codec = chirp::codec::Bincode)]
    pub(super) trait Owned {
        fn f(
            &self,
            a: String,
            b: Bytes,
            c: Vec<core::time::Duration>,
            d: Option<Cow<'_, str>>,
            e: u8,
        ) -> Bytes;
    }
}

/// Methods that differ in one thing each.
mod other {
    #[chirp::service]
    pub(super) trait Others {
        fn plain(&self, a: u64, b: [u8; 4]) -> u64;
        #[chirp(oneway)]
        fn oneway(&self, a: u64, b: [u8; 4]);
        fn nothing(&self, a: u64, b: [u8; 4]);
        fn order(&self, b: [u8; 4], a: u64) -> u64;
        fn renamed(&self, amount: u64, b: [u8; 4]) -> u64;
        fn fewer(&self, a: u64) -> u64;
        fn length(&self, a: u64, b: [u8; 5]) -> u64;
        fn element(&self, a: u64, b: [i8; 4]) -> u64;
        fn pair(&self, both: (u64, [u8; 4])) -> u64;
        fn perhaps(&self, a: Option<u64>, b: [u8; 4]) -> u64;
        fn fallible(&self, a: u64, b: [u8; 4]) -> Result<u64, chirp::packet::ErrorData>;
        fn generic(&self, a: u64, b: [u8; 4]) -> Option<Vec<u64>>;
        fn nested(&self, a: u64, b: [u8; 4]) -> Vec<Option<u64>>;
    }

    #[chirp::service(name = "Raws", codec = chirp::codec::Raw)]
    pub(super) trait Raws {
        fn text(&self, text: &str) -> String;
    }

    #[chirp::service(name = "Texts")]
    pub(super) trait Texts {
        fn text(&self, text: &str) -> String;
    }
}

#[test]
fn a_fingerprint_covers_only_what_is_encoded() {
    let of = |contract: Contract| contract.methods()[0].fingerprint();
    let borrowed = of(alike::BorrowedMethods::CONTRACT);
    assert_eq!(borrowed, of(alike::OwnedMethods::CONTRACT));
    // Fingerprints from different compilers are compared with each other, so their values are part of the protocol.
    assert_eq!(of(other::TextsMethods::CONTRACT), 0xb6d8_24e8_a2c1_eb76);
    assert_ne!(
        of(other::TextsMethods::CONTRACT),
        of(other::RawsMethods::CONTRACT)
    );
    let mut all: Vec<_> = other::OthersMethods::CONTRACT
        .methods()
        .iter()
        .map(chirp::Signature::fingerprint)
        .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(
        all.len(),
        13,
        "two different signatures have one fingerprint"
    );
}

/// Each method's signature differs from that of its namesake in the other trait.
#[tokio::test]
async fn streams_are_part_of_a_signature() {
    mod left {
        use chirp::Receiver;
        use futures_core::Stream;

        #[chirp::service]
        pub(crate) trait Flow {
            async fn same(&self, items: Receiver<u64>) -> impl Stream<Item = u64>;
            fn alike(&self, items: Receiver<Vec<u8>>)
            -> Result<impl Stream<Item = String>, String>;
            async fn value(&self) -> impl Stream<Item = u64>;
            async fn item(&self) -> impl Stream<Item = u64>;
            async fn failing(&self) -> impl Stream<Item = u64>;
            async fn failure(&self) -> Result<impl Stream<Item = u64>, String>;
            async fn argument(&self, items: Receiver<u64>);
            async fn taken(&self, items: Receiver<u64>);
        }
    }

    mod right {
        use futures_core::Stream;

        #[chirp::service]
        pub(crate) trait Flow {
            async fn same(&self, items: chirp::Receiver<u64>) -> impl Send + Stream<Item = u64>;
            async fn alike(
                &self,
                items: chirp::Receiver<bytes::Bytes>,
            ) -> Result<impl Stream<Item = String> + Unpin, String>;
            async fn value(&self) -> u64;
            async fn item(&self) -> impl Stream<Item = u32>;
            async fn failing(&self) -> impl Stream<Item = Result<u64, String>>;
            async fn failure(&self) -> impl Stream<Item = Result<u64, String>>;
            async fn argument(&self, items: chirp::Receiver<u8>);
            async fn taken(&self, items: Vec<u64>);
        }
    }

    let pairs = left::FlowMethods::CONTRACT
        .methods()
        .iter()
        .zip(right::FlowMethods::CONTRACT.methods());
    let same = pairs.filter(|(left, right)| left.fingerprint() == right.fingerprint());
    let same: Vec<_> = same.map(|(left, _)| left.id().name()).collect();
    assert_eq!(same, ["Flow.same", "Flow.alike"]);
}
