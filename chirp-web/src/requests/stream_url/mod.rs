//! URLs from which one reader reads a stream of bytes.

mod answer;
mod fetching;
mod folder;
mod offer;
mod parked_stream;
mod source;
mod stream_table;
mod stream_urls;
mod token;
mod unix;

pub(crate) use fetching::UrlSource;
pub use offer::{StreamOffer, StreamUrlEnd};
pub use stream_urls::{StreamUrlError, StreamUrls};
