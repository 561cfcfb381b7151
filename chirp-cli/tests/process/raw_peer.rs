use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The result code, and what follows it.
    Code(u8, Vec<u8>),
    /// None, ever.
    Nothing,
    /// Bytes in place of a response, after which the connection is closed.
    Bytes(Vec<u8>),
}

impl Answer {
    /// A successful response.
    pub(crate) fn ok(result: impl Into<Vec<u8>>) -> Self {
        Self::Code(0, result.into())
    }

    /// A service error.
    pub(crate) fn error(code: u16, message: &str, data: &[u8]) -> Self {
        let length = u16::try_from(message.len()).expect("a short message");
        let mut bytes = code.to_be_bytes().to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.extend(message.as_bytes());
        bytes.extend(data);
        Self::Code(4, bytes)
    }
}

/// A peer of plain Chirp v0, made of bytes, that says whatever a test wants it to say.
pub(crate) struct RawPeer {
    pub(crate) address: String,
    _tasks: JoinSet<()>,
}

impl RawPeer {
    /// Starts a peer with an answer for each method. Others are unknown.
    pub(crate) async fn start(answers: &[(&str, Answer)]) -> Self {
        let answers = answers
            .iter()
            .map(|(name, answer)| ((*name).to_owned(), answer.clone()));
        let answers: Arc<HashMap<_, _>> = Arc::new(answers.collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("tcp://{}", listener.local_addr().expect("its address"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&answers)));
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    /// Starts a peer that describes itself with this JSON, and answers `calls`.
    pub(crate) async fn describing(description: &str, calls: &[(&str, Answer)]) -> Self {
        let describe = ("chirp.reflect.describe", Answer::ok(description));
        let answers: Vec<_> = [describe]
            .into_iter()
            .chain(calls.iter().cloned())
            .collect();
        Self::start(&answers).await
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<HashMap<String, Answer>>) {
    while let Ok((kind, payload)) = read_packet(&mut stream).await {
        // Requests only: a cancel is ignored.
        if kind != 2 {
            continue;
        }
        let length = usize::from(payload[4]);
        let name = String::from_utf8_lossy(&payload[5..5 + length]);
        let answer = answers.get(&*name).cloned();
        let (code, result) = match answer.unwrap_or(Answer::Code(1, Vec::new())) {
            Answer::Code(code, result) => (code, result),
            Answer::Nothing => continue,
            Answer::Bytes(bytes) => {
                drop(stream.write_all(&bytes).await);
                return;
            }
        };
        let mut response = payload[..4].to_vec();
        response.push(code);
        response.extend(result);
        let mut packet = vec![0xc7, 0, 0, 4];
        packet.extend(
            u32::try_from(response.len())
                .expect("a length")
                .to_be_bytes(),
        );
        packet.extend(response);
        if stream.write_all(&packet).await.is_err() {
            return;
        }
    }
}

async fn read_packet(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let mut payload = vec![0; usize::try_from(length).expect("a length")];
    stream.read_exact(&mut payload).await?;
    Ok((header[3], payload))
}
