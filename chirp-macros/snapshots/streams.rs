use chirp::Receiver;
use futures_core::Stream;
use std::io;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("no")]
#[chirp(code = 1)]
pub struct No;

#[chirp::service]
pub trait Streams {
    async fn out(&self, text: &str) -> impl Stream<Item = u64>;
    fn fails(&self) -> Result<impl Stream<Item = Result<u64, No>>, No>;
    async fn fails_by_another_name(&self) -> io::Result<impl Stream<Item = io::Result<Vec<u8>>>>;
    async fn both(&self, left: Receiver<u64>, right: Receiver<u8>)
    -> impl Stream<Item = ()> + Send;
    #[chirp(named)]
    fn body(&self, items: Receiver<u64>) -> impl Stream<Item = u64> {
        drop(items);
        tokio_stream::empty()
    }
}
