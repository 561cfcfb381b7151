//! The services of this crate, called over a connection.

use chirp_tests_names::*;
use rpc::PeerBuilder;
use tokio_stream::StreamExt;

type Bytes = std::vec::Vec<u8>;

struct Everything;

impl Odd for Everything {
    async fn types(
        &self,
        option: Option,
        string: &String,
        vec: &[Vec],
        boxed: std::option::Option<&Box>,
    ) -> Call {
        let sum = vec.iter().map(|vec| vec.it).sum::<u8>();
        Call {
            it: option.it + string.it + sum + boxed.map_or(0, |boxed| boxed.it),
        }
    }

    async fn arguments(
        &self,
        self_: u8,
        ctx: u8,
        buf: u8,
        result: u8,
        service: u8,
        request: u8,
        arguments: u8,
        out: u8,
        router: u8,
        answer: u8,
        implementation: u8,
    ) -> Bytes {
        vec![
            self_,
            ctx,
            buf,
            result,
            service,
            request,
            arguments,
            out,
            router,
            answer,
            implementation,
        ]
    }

    #[allow(non_snake_case)]
    fn upper(&self, T: u8, __T: u8, E: chirp_tests_names::T, Self_: u8) -> chirp_tests_names::E {
        chirp_tests_names::E {
            it: T + __T + E.it + Self_,
        }
    }

    async fn fails(&self, how: u8) -> Result<Codec, Failed> {
        Err(match how {
            0 => return Result::Ok(Codec { it: 0 }),
            1 => Failed::Named {
                text: 1,
                code: 2,
                codec: Codec { it: 3 },
                fields: vec![4],
                error: "five".into(),
            },
            2 => Failed::None,
            _ => Failed::Some(Option { it: 6 }),
        })
    }

    async fn say(&self, _: Send) {}

    fn r#match(&self, r#type: u8, r#fn: Arc) -> u8 {
        r#type + r#fn.it
    }
}

impl<
        T: Clone + std::marker::Send + std::marker::Sync,
        I: std::marker::Send + std::marker::Sync,
    > Keep<T, I> for Everything
{
    fn keep(&self, it: T, other: I) -> (T, I) {
        (it, other)
    }
}

impl Named for Everything {
    async fn named_arguments(
        &self,
        key: &str,
        map: Option,
        visitor: u8,
        r#type: std::option::Option<&[u8]>,
        value: Vec,
        access: Cow,
    ) -> Bytes {
        let key = u8::try_from(key.len()).unwrap();
        let r#type = r#type.map_or(0, |bytes| bytes[0]);
        vec![key, map.it, visitor, r#type, value.it, access.it]
    }

    fn block(&self, blocking: Box, state: u8) -> u8 {
        blocking.it + state
    }
}

impl Flow for Everything {
    async fn flow(
        &self,
        results: u8,
        mut stream: rpc::Receiver<Stream>,
        _outcome: Sender,
        error: u8,
    ) -> Result<impl futures_core::Stream<Item = Result<Item, Failed>>, Failed> {
        let first = stream.recv().await.unwrap().unwrap();
        if first.it == error {
            return Err(Failed::None);
        }
        Result::Ok(tokio_stream::iter([
            Result::Ok(Item {
                it: results + first.it,
            }),
            Err(Failed::Some(Option { it: error })),
        ]))
    }

    fn several(
        &self,
        source: rpc::Receiver<Source>,
        request: rpc::Receiver<u8>,
    ) -> impl futures_core::Stream<Item = Results> + std::marker::Send {
        let source = source.map(|source| source.unwrap().it);
        let request = request.map(|request| request.unwrap());
        source.chain(request).map(|it| Results { it })
    }
}

impl Register for Everything {
    fn register(&self, service: u8) -> u8 {
        service
    }

    fn encode(&self) -> u8 {
        2
    }

    async fn call(&self, caller: u8) -> u8 {
        caller
    }

    async fn poll(&self) -> u8 {
        4
    }

    fn fmt(&self) -> u8 {
        5
    }

    fn borrow(&self) -> u8 {
        6
    }
}

#[tokio::test]
async fn names_of_user_types_do_not_clash() {
    let (one, other) = rpc::channel::memory();
    let _server = PeerBuilder::new()
        .service(OddServer::new(Everything))
        .service(KeepServer::<_, u8, String>::new(Everything))
        .service(NamedServer::new(Everything))
        .service(RegisterServer::new(Everything))
        .service(FlowServer::new(Everything))
        .start(one)
        .unwrap();
    let peer = PeerBuilder::new().start(other).unwrap();

    let odd = OddClient::new(&peer);
    let (option, string) = (Option { it: 1 }, String { it: 2 });
    let (vec, boxed) = ([Vec { it: 4 }, Vec { it: 8 }], Box { it: 16 });
    let types = odd.types(option, &string, &vec, std::option::Option::Some(&boxed));
    assert_eq!(types.await.unwrap(), Call { it: 31 });
    let arguments = odd.arguments(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).await;
    assert_eq!(arguments.unwrap(), (1..=11).collect::<Bytes>());
    let upper = odd.upper(1, 2, T { it: 4 }, 8).await;
    assert_eq!(upper.unwrap(), E { it: 15 });
    assert_eq!(odd.fails(0).await.unwrap(), Codec { it: 0 });
    for (how, text) in [(1, "1 2"), (2, "none"), (3, "some")] {
        let error = odd.fails(how).await.unwrap_err();
        assert!(matches!(error, rpc::MethodError::Handler(_)));
        assert_eq!(error.to_string(), text);
    }
    odd.say(Send { it: 0 }).await.unwrap();
    assert_eq!(odd.body(Future { it: 1 }).await.unwrap().it, 4);
    assert_eq!(odd.r#match(1, Arc { it: 2 }).await.unwrap(), 3);
    assert_eq!(OddMethods::MATCH.name(), "Odd.match");

    let keep = KeepClient::<u8, String>::new(&peer);
    let kept = keep.keep(1, String { it: 2 }).await;
    assert_eq!(kept.unwrap(), (1, String { it: 2 }));

    let named = NamedClient::new(&peer);
    let (map, value, access) = (Option { it: 2 }, Vec { it: 5 }, Cow { it: 6 });
    let bytes = named.named_arguments("k", map, 3, std::option::Option::Some(&[4]), value, access);
    assert_eq!(bytes.await.unwrap(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(named.block(Box { it: 1 }, 2).await.unwrap(), 3);

    let register = RegisterClient::new(&peer);
    assert_eq!(register.register(1).await.unwrap(), 1);
    assert_eq!(register.encode().await.unwrap(), 2);
    assert_eq!(register.call(3).await.unwrap(), 3);
    assert_eq!(register.poll().await.unwrap(), 4);
    assert_eq!(register.fmt().await.unwrap(), 5);
    assert_eq!(register.borrow().await.unwrap(), 6);

    let flow = FlowClient::new(&peer);
    let stream = || tokio_stream::iter([Stream { it: 1 }]);
    let error = flow.flow(2, stream(), Sender, 1).await.unwrap_err();
    assert!(matches!(error, rpc::MethodError::Handler(Failed::None)));
    let mut items = flow.flow(2, stream(), Sender, 3).await.unwrap();
    assert_eq!(items.recv().await.unwrap().unwrap(), Item { it: 3 });
    let error = items.recv().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "some");
    let sources = tokio_stream::iter([Source { it: 1 }, Source { it: 2 }]);
    let several = flow.several(sources, tokio_stream::iter([10, 20]));
    let several: Result<std::vec::Vec<_>, _> = several.await.unwrap().collect().await;
    assert_eq!(several.unwrap(), [1, 2, 10, 20].map(|it| Results { it }));
}
