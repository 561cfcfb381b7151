use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use chirp_runtime::packet::Header;
use tokio::io::AsyncWrite;

use super::MAX_BACKLOG;
use super::output::Half;
use super::shared::{Shared, Translation};
use super::translator::Translated;

/// Takes packets from the peer, and writes JSON-RPC messages.
pub(super) struct PacketWriter {
    shared: Arc<Shared>,
    /// The start of a packet.
    partial: Vec<u8>,
    /// Bytes that have been translated and not been reported to the peer as written. They are reported as the messages leave,
    /// so that the peer sees the progress of a large message.
    unreported: usize,
    translated: Translated,
}

impl PacketWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            partial: Vec::new(),
            unreported: 0,
            translated: Translated::default(),
        }
    }

    fn poll_slices(&mut self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut backlog = self.shared.output().backlog();
        if self.unreported == 0 && backlog <= MAX_BACKLOG {
            self.translate(slices);
            let mut output = self.shared.output();
            output.append(&mut self.translated.messages);
            backlog = output.backlog();
            drop(output);
            self.shared.translation().finish_answers();
        }
        let mut polled = Poll::Ready(());
        let mut written = 0;
        if backlog > MAX_BACKLOG {
            let mut output = self.shared.output();
            polled = output.poll_drain(Half::Writer, cx)?;
            written = backlog - output.backlog();
        }
        let reported = match polled {
            Poll::Ready(()) => self.unreported,
            // The last byte is reported when everything has left.
            Poll::Pending => written.min(self.unreported.saturating_sub(1)),
        };
        if reported == 0 && polled.is_pending() {
            return Poll::Pending;
        }
        self.unreported -= reported;
        Poll::Ready(Ok(reported))
    }

    fn translate(&mut self, slices: &[IoSlice<'_>]) {
        let mut translation = self.shared.translation();
        let waited = translation.translator.is_waiting();
        for slice in slices {
            self.unreported += slice.len();
            feed(
                &mut self.partial,
                slice,
                &mut translation,
                &mut self.translated,
            );
        }
        // The answer for which the reader waits may cause no packet, such as a request that is refused.
        let answered = waited && !translation.translator.is_waiting();
        translation.is_answering = true;
        if self.translated.packets.is_empty() && !answered {
            return;
        }
        translation.packets.append(&mut self.translated.packets);
        let reader = translation.reader.take();
        drop(translation);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// Translates whole packets. The start of one that is not complete is kept in `partial`.
fn feed(
    partial: &mut Vec<u8>,
    mut bytes: &[u8],
    translation: &mut Translation,
    out: &mut Translated,
) {
    let translator = &mut translation.translator;
    if !partial.is_empty() {
        loop {
            let missing = packet_len(partial).unwrap_or(Header::LEN) - partial.len();
            if missing == 0 {
                translator.handle_packet(partial, out);
                partial.clear();
                partial.shrink_to(KEPT);
                break;
            }
            if bytes.is_empty() {
                return;
            }
            let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
            partial.extend_from_slice(taken);
            bytes = rest;
        }
    }
    while let Some(length) = packet_len(bytes)
        && let Some((packet, rest)) = bytes.split_at_checked(length)
    {
        translator.handle_packet(packet, out);
        bytes = rest;
    }
    partial.extend_from_slice(bytes);
}

/// The most bytes that a buffer keeps when it is empty.
const KEPT: usize = 64 << 10;

/// The length of the packet at the start of `bytes`, if its header is complete.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let header = Header::decode(*bytes.first_chunk()?).ok()?;
    Some(Header::LEN + header.length as usize)
}

impl AsyncWrite for PacketWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_slices(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_slices(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.output().poll_flush(Half::Writer, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.output().poll_shutdown(cx)
    }
}

impl Drop for PacketWriter {
    fn drop(&mut self) {
        let writer = self.shared.output().close();
        // Without the lock: it is the program's.
        drop(writer);
    }
}
