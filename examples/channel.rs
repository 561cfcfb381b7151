//! A custom channel: a line that delays, stalls or breaks, to test how a program reacts.

use std::io::{self, ErrorKind::ConnectionReset};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chirp::channel::{Channel, Reader, memory};
use chirp::{CallError, PeerBuilder, Request, packet::ErrorData};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The properties of an unreliable line.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The delay of each read.
    pub delay: Duration,
    /// The number of bytes that the line transmits before it fails.
    pub bytes: usize,
    /// Whether the line then reports an error. If not, it stalls.
    pub cut: bool,
}

struct Slow(Reader, Line, Option<Pin<Box<Sleep>>>);

/// Puts a channel behind an unreliable line.
pub fn over(line: Line, channel: Channel) -> Channel {
    let (reader, writer) = channel.into_split();
    Channel::new(Slow(reader, line, None), writer)
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self(reader, line, wait) = &mut *self;
        match (line.bytes, line.cut) {
            (0, true) => return Poll::Ready(Err(ConnectionReset.into())),
            (0, false) => return Poll::Pending,
            _ => {}
        }
        if !line.delay.is_zero() {
            let wait = wait.get_or_insert_with(|| Box::pin(sleep(line.delay)));
            ready!(wait.as_mut().poll(cx));
        }
        let most = buf.remaining().min(line.bytes);
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(reader).poll_read(cx, &mut part))?;
        let came = part.filled().len();
        buf.advance(came);
        line.bytes -= came;
        *wait = None;
        Poll::Ready(Ok(()))
    }
}

#[tokio::main]
async fn main() {
    let echo = |request: Request| async { Ok::<_, ErrorData>(request.into_params()) };
    let delay = Duration::from_millis(20);
    for (bytes, cut) in [(1000, true), (10, true), (10, false)] {
        let (ours, theirs) = memory();
        let line = Line { delay, bytes, cut };
        let server = PeerBuilder::new().handle("echo", echo);
        let server = server.start(over(line, theirs)).expect("one service");
        let peer = PeerBuilder::new().start(ours).expect("no service");
        let answer = peer.call("echo", "hello").timeout(100 * delay).await;
        println!("{bytes} bytes, cut: {cut}: {answer:?}");
        match (bytes, cut) {
            (1000, _) => assert_eq!(answer.expect("enough bytes for the call"), "hello"),
            (_, true) => assert!(matches!(answer, Err(CallError::ConnectionLost(_)))),
            (_, false) => assert!(matches!(answer, Err(CallError::DeadlineExceeded { .. }))),
        }
        server.close();
    }
}
