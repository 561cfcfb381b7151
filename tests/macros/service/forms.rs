//! Every form of argument and result, in every codec.

use std::borrow::Cow;

use bytes::Bytes;

const TEXTS: [&str; 5] = [
    "",
    "plain",
    "a \"quote\"\nand a line",
    "nul \0 \u{7f}",
    "h\u{e9} \u{1f426}",
];

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

macro_rules! forms {
    ($module:ident, $codec:ident) => {
        mod $module {
            #![allow(clippy::ptr_arg, clippy::too_many_arguments)]
            use super::*;

            #[chirp::service(codec = chirp::codec::$codec)]
            trait Forms {
                fn text(
                    &self,
                    a: &str,
                    b: Option<&str>,
                    c: Cow<'_, str>,
                    d: &String,
                    e: Option<Cow<'_, str>>,
                ) -> String;
                fn bytes(
                    &self,
                    a: &[u8],
                    b: Option<&[u8]>,
                    c: Cow<'_, [u8]>,
                    d: &Vec<u8>,
                ) -> Vec<u8>;
                fn owned(
                    &self,
                    a: Vec<u8>,
                    b: Bytes,
                    c: [u8; 3],
                    d: Option<Vec<u8>>,
                    e: Option<Bytes>,
                ) -> Bytes;
                fn lent(
                    &self,
                    a: &[u32],
                    b: &u32,
                    c: Option<&u32>,
                    d: Option<&[u32]>,
                    e: &[u8; 2],
                ) -> u32;
                fn others(
                    &self,
                    a: (u8, String),
                    b: Option<u8>,
                    c: Vec<String>,
                    d: f64,
                    e: char,
                ) -> String;
                fn seventeen(
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
                    p: &str,
                    q: &[u8],
                ) -> Vec<u8>;
                fn results(&self, a: Vec<Result<u8, String>>) -> Vec<Result<u8, String>>;
                fn blob(&self, a: Vec<u8>) -> Vec<u8>;
                fn blobs(&self, a: Bytes, b: Vec<u8>, c: &[u8]) -> Result<Bytes, String>;
                #[chirp(named)]
                fn by_name(&self, a: Vec<u8>, b: Bytes) -> Vec<u8>;
                fn array(&self, a: [u8; 2]) -> [u8; 2];
                fn perhaps(&self, a: Option<[u8; 2]>) -> Option<Vec<u8>>;
                fn nothing(&self);
                fn fails(&self, a: &str) -> Result<Vec<u8>, super::super::ArithError>;
            }

            struct Concat;

            impl Forms for Concat {
                fn text(
                    &self,
                    a: &str,
                    b: Option<&str>,
                    c: Cow<'_, str>,
                    d: &String,
                    e: Option<Cow<'_, str>>,
                ) -> String {
                    format!("{a}|{b:?}|{c}|{d}|{e:?}")
                }
                fn bytes(
                    &self,
                    a: &[u8],
                    b: Option<&[u8]>,
                    c: Cow<'_, [u8]>,
                    d: &Vec<u8>,
                ) -> Vec<u8> {
                    [a, b.unwrap_or_default(), &c, d].concat()
                }
                fn owned(
                    &self,
                    a: Vec<u8>,
                    b: Bytes,
                    c: [u8; 3],
                    d: Option<Vec<u8>>,
                    e: Option<Bytes>,
                ) -> Bytes {
                    [
                        &a[..],
                        &b[..],
                        &c[..],
                        &d.unwrap_or_default()[..],
                        &e.unwrap_or_default()[..],
                    ]
                    .concat()
                    .into()
                }
                fn lent(
                    &self,
                    a: &[u32],
                    b: &u32,
                    c: Option<&u32>,
                    d: Option<&[u32]>,
                    e: &[u8; 2],
                ) -> u32 {
                    a.iter().sum::<u32>()
                        + b
                        + c.unwrap_or(&0)
                        + d.unwrap_or_default().iter().sum::<u32>()
                        + u32::from(e[1])
                }
                fn others(
                    &self,
                    a: (u8, String),
                    b: Option<u8>,
                    c: Vec<String>,
                    d: f64,
                    e: char,
                ) -> String {
                    format!("{a:?}{b:?}{c:?}{d}{e}")
                }
                fn seventeen(
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
                    p: &str,
                    q: &[u8],
                ) -> Vec<u8> {
                    let numbers = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o];
                    [&numbers, p.as_bytes(), q].concat()
                }
                fn results(&self, a: Vec<Result<u8, String>>) -> Vec<Result<u8, String>> {
                    a
                }
                fn blob(&self, a: Vec<u8>) -> Vec<u8> {
                    a
                }
                fn blobs(&self, a: Bytes, b: Vec<u8>, c: &[u8]) -> Result<Bytes, String> {
                    Ok([&a[..], &b, c].concat().into())
                }
                fn by_name(&self, a: Vec<u8>, b: Bytes) -> Vec<u8> {
                    [&a, &b[..]].concat()
                }
                fn array(&self, a: [u8; 2]) -> [u8; 2] {
                    a
                }
                fn perhaps(&self, a: Option<[u8; 2]>) -> Option<Vec<u8>> {
                    a.map(Vec::from)
                }
                fn nothing(&self) {}
                fn fails(&self, a: &str) -> Result<Vec<u8>, super::super::ArithError> {
                    Err(super::super::ArithError::Disliked(-1, Some(a.to_owned())))
                }
            }

            /// Large byte arguments take a separate path; they and their neighbours arrive unchanged.
            async fn check_blobs(forms: &FormsClient) {
                for length in [0, 1, 8 << 10, (8 << 10) + 1, 70_000, 300_000] {
                    let a: Vec<u8> = all_bytes().into_iter().cycle().take(length).collect();
                    let b: Vec<u8> = a.iter().rev().copied().collect();
                    assert_eq!(forms.blob(a.clone()).await.unwrap(), a);
                    let blobs = forms.blobs(a.clone().into(), b.clone(), b"end").await;
                    assert_eq!(blobs.unwrap(), [&a[..], &b, b"end"].concat());
                    let blobs = forms.blobs(Bytes::new(), Vec::new(), &a).await;
                    assert_eq!(blobs.unwrap(), a);
                    let named = forms.by_name(a.clone(), b.clone().into()).await;
                    assert_eq!(named.unwrap(), [&a[..], &b].concat());
                }
            }

            #[tokio::test]
            async fn large_byte_arguments_arrive_unchanged_locally() {
                check_blobs(&FormsClient::local(Concat)).await;
            }

            #[tokio::test]
            async fn large_byte_arguments_arrive_unchanged_over_a_connection() {
                let (here, there) = tokio::io::duplex(10_000);
                let [here, there] = [here, there].map(|stream| {
                    let (reader, writer) = tokio::io::split(stream);
                    chirp::Channel::new(reader, writer)
                });
                let served = chirp::PeerBuilder::new().service(FormsServer::new(Concat));
                let _served = served.start(there).unwrap();
                let peer = chirp::PeerBuilder::new().start(here).unwrap();
                check_blobs(&FormsClient::new(&peer)).await;
            }

            #[tokio::test]
            async fn every_form_of_argument_and_result_arrives() {
                let forms = FormsClient::local(Concat);
                for text in TEXTS {
                    let owned = text.to_owned();
                    let both = forms
                        .text(text, Some(text), text.into(), &owned, Some(text.into()))
                        .await;
                    assert_eq!(
                        both.unwrap(),
                        format!("{text}|{:?}|{text}|{text}|{:?}", Some(text), Some(text))
                    );
                    match forms.fails(text).await {
                        Err(chirp::MethodError::Handler(error)) => {
                            assert_eq!(error, super::super::ArithError::Disliked(-1, Some(owned)));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                let none = forms.text("", None, "".into(), &String::new(), None).await;
                assert_eq!(none.unwrap(), "|None|||None");
                let all = all_bytes();
                let four = forms.bytes(&all, Some(&all), (&all[..]).into(), &all).await;
                assert_eq!(four.unwrap(), [&all[..]; 4].concat());
                assert!(
                    forms
                        .bytes(&[], None, Cow::Borrowed(&[]), &vec![])
                        .await
                        .unwrap()
                        .is_empty()
                );
                let owned = forms
                    .owned(
                        all.clone(),
                        all.clone().into(),
                        [1, 2, 3],
                        Some(all.clone()),
                        None,
                    )
                    .await;
                assert_eq!(owned.unwrap(), [&all[..], &all, &[1, 2, 3], &all].concat());
                let sum = forms.lent(&[1, 2], &3, Some(&4), Some(&[5]), &[0, 6]).await;
                assert_eq!(sum.unwrap(), 21);
                assert_eq!(forms.lent(&[], &3, None, None, &[0, 6]).await.unwrap(), 9);
                let others = forms
                    .others((1, "x".into()), None, vec!["\n".into()], 0.5, 'h')
                    .await;
                assert_eq!(others.unwrap(), "(1, \"x\")None[\"\\n\"]0.5h");
                let seventeen = forms
                    .seventeen(
                        1,
                        2,
                        3,
                        4,
                        5,
                        6,
                        7,
                        8,
                        9,
                        10,
                        11,
                        12,
                        13,
                        14,
                        15,
                        "\u{10}",
                        &[17],
                    )
                    .await;
                assert_eq!(seventeen.unwrap(), (1..=17).collect::<Vec<_>>());
                let results = vec![Ok(1), Err("\n".to_owned())];
                assert_eq!(forms.results(results.clone()).await.unwrap(), results);
                assert_eq!(forms.array([7, 8]).await.unwrap(), [7, 8]);
                assert_eq!(forms.perhaps(Some([7, 8])).await.unwrap(), Some(vec![7, 8]));
                assert_eq!(forms.perhaps(None).await.unwrap(), None);
                forms.nothing().await.unwrap();
            }
        }
    };
}

forms!(bincode, Bincode);
#[cfg(feature = "postcard")]
forms!(postcard, Postcard);
#[cfg(feature = "messagepack")]
forms!(messagepack, MessagePack);
#[cfg(feature = "json")]
forms!(json, Json);

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum RawError {
    #[error("missing")]
    #[chirp(code = 404)]
    Missing(#[chirp(data)] Vec<u8>),
    #[error("broken")]
    #[chirp(code = 500)]
    Broken,
}

/// Bytes and text without encoding.
#[chirp::service(name = "", codec = chirp::codec::Raw)]
trait RawService {
    async fn echo(&self, data: &[u8]) -> Vec<u8>;
    async fn shout(&self, text: &str) -> String;
    async fn owned(&self, text: String) -> Bytes;
    async fn bytes(&self, data: Bytes) -> [u8; 2];
    async fn get(&self, key: &[u8]) -> Result<Bytes, RawError>;
    async fn nothing(&self);
}

struct Echo;

impl RawService for Echo {
    async fn echo(&self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }
    async fn shout(&self, text: &str) -> String {
        text.to_uppercase()
    }
    async fn owned(&self, text: String) -> Bytes {
        text.into()
    }
    async fn bytes(&self, data: Bytes) -> [u8; 2] {
        [data[0], data[1]]
    }
    async fn get(&self, key: &[u8]) -> Result<Bytes, RawError> {
        Err(match key {
            b"" => RawError::Broken,
            _ => RawError::Missing(key.to_vec()),
        })
    }
    async fn nothing(&self) {}
}

#[tokio::test]
async fn raw_arguments_are_not_encoded() {
    use chirp::MethodError;

    let raw = RawServiceClient::local(Echo);
    assert_eq!(raw.echo(&all_bytes()).await.unwrap(), all_bytes());
    for text in TEXTS {
        assert_eq!(raw.shout(text).await.unwrap(), text.to_uppercase());
        assert_eq!(raw.owned(text.to_owned()).await.unwrap(), text);
    }
    assert_eq!(raw.bytes(Bytes::from_static(b"ab")).await.unwrap(), *b"ab");
    let missing = raw.get(&[0, 255]).await;
    assert!(
        matches!(missing, Err(MethodError::Handler(RawError::Missing(key))) if key == [0, 255])
    );
    let broken = raw.get(b"").await;
    assert!(matches!(
        broken,
        Err(MethodError::Handler(RawError::Broken))
    ));
    raw.nothing().await.unwrap();
    let caller = chirp::Caller::local(|request: chirp::Request| async move {
        assert_eq!(request.method(), b"echo");
        Ok::<_, chirp::packet::ErrorData>([b"<", request.params(), b">"].concat())
    });
    let raw = RawServiceClient::new(&caller);
    assert_eq!(raw.echo(b"as it is").await.unwrap(), b"<as it is>");
}
