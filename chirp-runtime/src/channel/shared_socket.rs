use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream socket that other processes may share. Its nonblocking mode belongs to the shared file description and
/// would outlive this process, so the socket keeps its mode and every operation passes `MSG_DONTWAIT`.
pub(super) struct SharedSocket(AsyncFd<OwnedFd>);

impl SharedSocket {
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        #[allow(
            deprecated,
            reason = "the replacement is unsafe, and the descriptor of this type never changes"
        )]
        let socket = AsyncFd::new(socket)?;
        Ok(Self(socket))
    }
}

impl AsyncRead for SharedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            let read = ready.try_io(|socket| {
                let into = buf.initialize_unfilled();
                Ok(recv(socket, into, RecvFlags::DONTWAIT)?.0)
            });
            match read {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => return Poll::Ready(read.map(|bytes| buf.advance(bytes))),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for SharedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match ready.try_io(|socket| Ok(send(socket, buf, flags)?)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(written) => return Poll::Ready(written),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match shutdown(self.0.get_ref(), Shutdown::Write) {
            // The other side has closed already.
            Err(rustix::io::Errno::NOTCONN) => Ok(()),
            done => done.map_err(io::Error::from),
        })
    }
}
