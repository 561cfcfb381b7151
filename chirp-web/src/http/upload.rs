//! Bodies of requests that are streams of a method.

use std::future::poll_fn;
use std::pin::{Pin, pin};

use bytes::{Buf, Bytes, BytesMut};
use chirp_runtime::codec::Item;
use chirp_runtime::dynamic::JsonText;
use chirp_runtime::stream::{Sender, StreamError};
use http_body::Body;
use tokio::task::JoinHandle;

/// The streams that are sent to a method. Dropping them stops sending.
///
/// They are sent once the call is complete: a stream that has to wait sends its call, without the options that are not set yet.
#[derive(Default)]
pub(super) struct Uploads {
    unstarted: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    tasks: Vec<JoinHandle<()>>,
    /// Whether some bytes are not in the request itself.
    pub(super) is_fetching: bool,
}

impl Uploads {
    /// Begins to send.
    pub(super) fn start(&mut self) {
        self.tasks
            .extend(self.unstarted.drain(..).map(tokio::spawn));
    }

    /// Sends the bytes at a URL.
    #[cfg(feature = "requests")]
    pub(super) fn send_url(&mut self, source: crate::requests::UrlSource, sender: Sender<Bytes>) {
        self.is_fetching = true;
        self.unstarted.push(Box::pin(source.send(sender)));
    }

    /// Sends each line of a body as an item, when it has arrived whole.
    pub(super) fn send_lines<B>(&mut self, body: B, max_line: usize, sender: Sender<JsonText>)
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.unstarted.push(Box::pin(async move {
            let mut sender = sender;
            finish(send_lines(body, max_line, &mut sender).await, sender);
        }));
    }

    /// Sends items that are at hand.
    pub(super) fn send_items<T: Item>(&mut self, items: Vec<T>, sender: Sender<T>) {
        self.unstarted.push(Box::pin(async move {
            let mut sender = sender;
            let sent = async {
                for item in items {
                    send(item, &mut sender).await?;
                }
                Ok(())
            };
            finish(sent.await, sender);
        }));
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The reason why a stream was not sent to its end.
enum Stopped {
    /// The method takes no more items.
    Closed,
    /// The body is incomplete or invalid.
    Failed(String),
}

fn finish<T: Item>(sent: Result<(), Stopped>, sender: Sender<T>) {
    match sent {
        Ok(()) => sender.finish(),
        Err(Stopped::Closed) => {}
        Err(Stopped::Failed(reason)) => sender.fail(reason),
    }
}

async fn send<T: Item>(item: T, sender: &mut Sender<T>) -> Result<(), Stopped> {
    sender.send(item).await.map_err(|error| match error {
        StreamError::TooLarge { .. } | StreamError::Encode(_) => Stopped::Failed(error.to_string()),
        _ => Stopped::Closed,
    })
}

/// Returns the next bytes of a body, or `None` at its end.
async fn next<B: Body>(body: &mut Pin<&mut B>) -> Result<Option<B::Data>, Stopped> {
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame
            .map_err(|_| Stopped::Failed("the body of the request is incomplete".to_owned()))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn send_lines<B: Body>(
    body: B,
    max_line: usize,
    sender: &mut Sender<JsonText>,
) -> Result<(), Stopped> {
    let mut body = pin!(body);
    let mut line = BytesMut::new();
    let mut number = 0_u64;
    while let Some(mut data) = next(&mut body).await? {
        let mut data: Bytes = data.copy_to_bytes(data.remaining());
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&data.split_to(end));
            data.advance(1);
            number += 1;
            check_line(&line, max_line, number)?;
            send_line(&line, number, sender).await?;
            line.clear();
        }
        line.extend_from_slice(&data);
        check_line(&line, max_line, number + 1)?;
    }
    send_line(&line, number + 1, sender).await
}

fn check_line(line: &[u8], max_line: usize, number: u64) -> Result<(), Stopped> {
    if line.len() <= max_line {
        return Ok(());
    }
    Err(Stopped::Failed(format!(
        "line {number} is too long: at most {max_line} bytes (`Gateway::max_body`)"
    )))
}

async fn send_line(line: &[u8], number: u64, sender: &mut Sender<JsonText>) -> Result<(), Stopped> {
    let text = line.trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let item = JsonText::from_slice(text);
    let item = item.map_err(|error| Stopped::Failed(format!("line {number}: {error}")))?;
    send(item, sender).await
}

#[cfg(test)]
mod tests {
    use chirp_runtime::stream::{TryRecvError, channel};

    use super::*;

    #[tokio::test]
    async fn streams_are_sent_after_their_call_has_its_options() {
        let (sender, mut receiver) = channel();
        let mut uploads = Uploads::default();
        uploads.send_items(vec![1_u32, 2], sender);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        uploads.start();
        assert_eq!(receiver.recv().await, Some(Ok(1)));
        assert_eq!(receiver.recv().await, Some(Ok(2)));
        assert_eq!(receiver.recv().await, None);
    }
}
