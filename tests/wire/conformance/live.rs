//! A live peer, and the raw other end of its channel.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::{Reader, Writer};
use chirp::packet::{ErrorData, PacketType};
use chirp::{Call, CallError, ConnectionError, Limits, Peer, PeerBuilder, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use crate::conformance::script::Subject;
use crate::support::{self, Link, channels};

/// Much longer than any step takes: a case that hangs fails.
const LONG: Duration = Duration::from_secs(30);

pub(crate) struct Live {
    peer: Peer,
    reader: Reader,
    writer: Option<Writer>,
    calls: HashMap<String, Call<Bytes>>,
    acts: HashMap<String, JoinHandle<String>>,
}

/// The handlers of the recordings, and one that panics.
pub(crate) fn handlers(limits: Limits) -> PeerBuilder {
    PeerBuilder::new()
        .limits(limits)
        .handle("echo", support::echo)
        .handle("fail", |request: Request| async move {
            ErrorData::from(String::from_utf8_lossy(request.params()).into_owned())
        })
        .handle("edata", |_: Request| async {
            ErrorData::new(17, "hey").with_data("stuff")
        })
        .handle("eempty", |_: Request| async { ErrorData::default() })
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
        .handle("callback", |request: Request| async {
            let caller = request.context().caller().clone();
            caller.call("back", request.into_params()).await
        })
        .handle("panic", |request: Request| async move {
            if request.params().is_empty() {
                std::panic::panic_any("a handler's");
            }
            Ok::<_, ErrorData>(())
        })
}

impl Live {
    pub(crate) async fn start(link: Link, limits: Limits) -> Self {
        let (ours, theirs) = channels(link).await;
        let (reader, writer) = theirs.into_split();
        Self {
            peer: handlers(limits).start(ours).expect("no duplicates"),
            reader,
            writer: Some(writer),
            calls: HashMap::new(),
            acts: HashMap::new(),
        }
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LONG, future).await;
    done.expect("it does not hang")
}

impl Subject for Live {
    async fn receive(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("input has not ended");
        // The peer may have closed before the last byte.
        let _ = soon(writer.write_all(bytes)).await;
    }

    async fn end(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            // The peer may already have ended.
            let _ = soon(writer.shutdown()).await;
        }
    }

    async fn sent(&mut self) -> Option<Vec<u8>> {
        let mut packet = vec![0; 8];
        // A socket that is closed with unread input is reset.
        soon(self.reader.read_exact(&mut packet)).await.ok()?;
        let len = packet[4..].try_into().expect("four bytes");
        packet.resize(8 + u32::from_be_bytes(len) as usize, 0);
        let payload = soon(self.reader.read_exact(&mut packet[8..])).await;
        payload.expect("a whole payload");
        Some(packet)
    }

    async fn call(&mut self, name: &str, method: Vec<u8>, params: Vec<u8>) {
        let call = self.peer.call(Bytes::from(method), params).start();
        self.calls.insert(name.to_owned(), call);
    }

    async fn drop_call(&mut self, name: &str) {
        drop(self.calls.remove(name).expect("a call"));
    }

    async fn answer(&mut self, name: &str) -> String {
        match self.acts.remove(name) {
            Some(act) => soon(act).await.expect("no panics"),
            None => said(soon(self.calls.remove(name).expect("a call")).await),
        }
    }

    async fn act(&mut self, words: &[&str]) {
        let peer = self.peer.clone();
        let act = match *words {
            ["wildcard"] => {
                let change = |router: &mut chirp::Router| {
                    router.fallback(support::echo);
                };
                return peer.update_routes(change).expect("it lives");
            }
            ["hello"] => tokio::spawn(async move {
                let known = peer.hello().await.expect("it was asked");
                known.map_or("none", |_| "known").to_owned()
            }),
            ["send", kind, text] => {
                let kind = PacketType(kind.parse().expect("a type"));
                let sent = peer.send_packet(kind, text.to_owned()).await;
                let said = match sent {
                    Ok(()) => "sent",
                    Err(CallError::ReservedType { .. }) => "reserved",
                    Err(other) => panic!("{other}"),
                };
                tokio::spawn(async move { said.to_owned() })
            }
            ["shutdown"] => {
                let act = tokio::spawn(async move { peer.shutdown(LONG).await.to_string() });
                while matches!(*self.peer.watch().borrow(), chirp::PeerState::Open) {
                    tokio::task::yield_now().await;
                }
                act
            }
            ref other => panic!("{other:?} is no step"),
        };
        self.acts.insert(words[0].to_owned(), act);
    }

    async fn ended(&mut self) -> String {
        let why = soon(self.peer.closed()).await;
        let is_known = !matches!(why, ConnectionError::RuntimeStopped);
        assert!(is_known);
        why.to_string()
    }

    /// CH-T6.
    async fn finish(mut self) {
        self.calls.clear();
        drop((self.reader, self.writer));
        soon(self.peer.closed()).await;
        soon(support::idle(&self.peer)).await;
    }
}

/// An answer, as text.
fn said(answer: Result<Bytes, CallError>) -> String {
    match answer {
        Ok(data) => format!("ok {}", String::from_utf8_lossy(&data)),
        Err(CallError::UnknownMethod { .. }) => "unknown".to_owned(),
        Err(CallError::DuplicateRequest) => "duplicate".to_owned(),
        Err(CallError::Cancelled) => "cancelled".to_owned(),
        Err(CallError::TooLarge { .. }) => "too-large".to_owned(),
        Err(CallError::TooManyPending { .. }) => "too-many".to_owned(),
        Err(CallError::NameTooLong { .. }) => "name-too-long".to_owned(),
        Err(CallError::ReservedName) => "reserved".to_owned(),
        Err(CallError::DeadlineExceeded { .. }) => "fault c703".to_owned(),
        Err(CallError::Rejected { reason, .. }) => format!("fault {:04x}", reason.code()),
        Err(CallError::Remote(error)) => crate::conformance::script::error(&error),
        Err(CallError::MalformedErrorData(error)) => {
            format!("malformed {}", crate::conformance::script::error(&error))
        }
        Err(CallError::ConnectionLost(_)) => "closed".to_owned(),
        Err(other) => panic!("{other}"),
    }
}
