//! A service with every option of methods, arguments and errors.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use chirp::{CallContext, ItemError, MethodError, Receiver, Sender, Stream};
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt;

use crate::shapes::{ShapesClient, call_all};

/// An order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) item: String,
    #[serde(default)]
    pub(crate) count: u32,
    pub(crate) note: Option<String>,
}

/// Reasons why the shop refuses.
#[derive(Debug, thiserror::Error, chirp::ServiceError)]
pub(crate) enum ShopError {
    /// There is no such order.
    ///
    /// The orders that are near may be meant.
    #[error("no order {id}")]
    #[chirp(code = 404)]
    NotFound { id: u64, near: Vec<Order> },
    #[error("sold out")]
    #[chirp(code = 410)]
    SoldOut,
    #[error("only {0} of {1}")]
    #[chirp(code = 411)]
    TooFew(u64, String),
    #[error("broken: {}", .0.len())]
    #[chirp(code = 500)]
    Broken(#[chirp(data)] Vec<u8>),
    #[error("refused")]
    #[chirp(code = 501)]
    Refused { proof: Vec<u8> },
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
pub(crate) enum OtherError {
    /// Another error of the same name.
    #[error("not found at {shelf}")]
    #[chirp(code = 7)]
    NotFound { shelf: u8 },
    /// An error with the name of a type.
    #[error("order")]
    #[chirp(code = 8)]
    Order,
}

/// The parameters of a search, as an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Search {
    pub(crate) text: String,
    pub(crate) limit: Option<u32>,
}

/// A shop.
///
/// It ends a comment with */ and goes on.
#[chirp::service(ordered)]
pub(crate) trait Shop {
    /// Returns an order.
    #[chirp(idempotent, deadline = "1500ms", alias = "get")]
    async fn find(&self, id: u64, cx: &CallContext) -> Result<Order, ShopError>;
    /// Returns the error that is asked for.
    async fn fail(&self, kind: u8, data: Bytes) -> Result<(), ShopError>;
    async fn fail_elsewhere(&self, place: Option<u8>) -> Result<(), OtherError>;
    /// Places an order.
    #[chirp(named)]
    async fn place(
        &self,
        order: &Order,
        gift: Option<&str>,
        code: u32,
        #[serde(default)] rush: bool,
    ) -> u64;
    #[chirp(oneway)]
    async fn touch(&self, count: u32);
    async fn touched(&self) -> u32;
    #[deprecated(note = "use `find`")]
    async fn delete(&self, r#in: u8, options: u8, context: u8) -> u32;
    /// Returns the numbers below `to`.
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    /// Returns orders, and then the error.
    async fn orders(
        &self,
        count: u32,
    ) -> Result<impl Stream<Item = Result<Order, ShopError>>, ShopError>;
    /// Returns the sum of the numbers.
    async fn total(&self, factor: u64, numbers: Receiver<u64>) -> u64;
    /// Sends the numbers below `to` into a stream of the caller, which TypeScript cannot give.
    async fn feed(&self, to: u64, numbers: Sender<u64>);
    /// Returns the chunks, each twice.
    async fn double(&self, chunks: Receiver<Bytes>) -> impl Stream<Item = Bytes>;
    #[chirp(params, name = "shop/search")]
    async fn search(&self, params: Search) -> Vec<String>;
    async fn constructor(&self) -> u8;
    async fn then(&self) -> u8;
    /// Has no form in JSON.
    async fn pairs(&self) -> HashMap<(u8, u8), u8>;
    /// Asks the caller to serve `Shapes`, and calls all of its methods. Returns those that did not return their argument.
    async fn check_caller(&self, cx: &CallContext) -> Vec<String>;
    /// Asks the caller to serve `Shop`, and calls it with everything but values. Returns what was wrong.
    async fn check_caller_shop(&self, cx: &CallContext) -> Vec<String>;
    /// Returns after a minute, or when the call is cancelled.
    async fn wait(&self) -> bool;
    /// The number of calls of `wait` that were cancelled.
    async fn cancelled(&self) -> u32;
}

/// The shop, served by Rust.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter {
    touched: Arc<AtomicU32>,
    cancelled: Arc<AtomicU32>,
}

fn order(id: u64) -> Order {
    Order {
        id,
        item: format!("item {id}"),
        count: 3,
        note: None,
    }
}

/// Counts calls that end early.
struct CountOnDrop(Arc<AtomicU32>);

impl Drop for CountOnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shop for Counter {
    async fn find(&self, id: u64, _: &CallContext) -> Result<Order, ShopError> {
        if id == 0 {
            return Err(ShopError::NotFound {
                id,
                near: vec![order(u64::MAX)],
            });
        }
        Ok(order(id))
    }

    async fn fail(&self, kind: u8, data: Bytes) -> Result<(), ShopError> {
        Err(match kind {
            0 => ShopError::SoldOut,
            1 => ShopError::TooFew(u64::MAX, "apples".to_owned()),
            2 => ShopError::Broken(data.to_vec()),
            3 => ShopError::Refused {
                proof: data.to_vec(),
            },
            _ => return Ok(()),
        })
    }

    async fn fail_elsewhere(&self, place: Option<u8>) -> Result<(), OtherError> {
        match place {
            Some(place) => Err(OtherError::NotFound { shelf: place }),
            None => Err(OtherError::Order),
        }
    }

    async fn place(&self, order: &Order, gift: Option<&str>, code: u32, rush: bool) -> u64 {
        order.id
            + u64::from(code)
            + gift.map_or(0, |gift| gift.len() as u64)
            + u64::from(rush) * 1000
    }

    async fn touch(&self, count: u32) {
        self.touched.fetch_add(count, Ordering::Relaxed);
    }

    async fn touched(&self) -> u32 {
        self.touched.load(Ordering::Relaxed)
    }

    async fn delete(&self, r#in: u8, options: u8, context: u8) -> u32 {
        u32::from(r#in) + u32::from(options) + u32::from(context)
    }

    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn orders(
        &self,
        count: u32,
    ) -> Result<impl Stream<Item = Result<Order, ShopError>>, ShopError> {
        if count == 0 {
            return Err(ShopError::SoldOut);
        }
        let orders = (1..=u64::from(count)).map(|id| Ok(order(id)));
        Ok(tokio_stream::iter(
            orders.chain([Err(ShopError::TooFew(9, "orders".to_owned()))]),
        ))
    }

    async fn total(&self, factor: u64, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            total += number;
        }
        factor * total
    }

    async fn feed(&self, to: u64, mut numbers: Sender<u64>) {
        for number in 0..to {
            drop(numbers.send(number).await);
        }
    }

    async fn double(&self, mut chunks: Receiver<Bytes>) -> impl Stream<Item = Bytes> {
        async_stream::stream! {
            while let Some(Ok(chunk)) = chunks.recv().await {
                yield chunk.clone();
                yield chunk;
            }
        }
    }

    async fn search(&self, params: Search) -> Vec<String> {
        vec![params.text; params.limit.unwrap_or(1) as usize]
    }

    async fn constructor(&self) -> u8 {
        11
    }

    async fn then(&self) -> u8 {
        12
    }

    async fn pairs(&self) -> HashMap<(u8, u8), u8> {
        HashMap::new()
    }

    async fn check_caller(&self, cx: &CallContext) -> Vec<String> {
        call_all(&ShapesClient::new(cx.caller()).with_json()).await
    }

    async fn check_caller_shop(&self, cx: &CallContext) -> Vec<String> {
        check(&ShopClient::new(cx.caller()).with_json()).await
    }

    async fn wait(&self) -> bool {
        let _guard = CountOnDrop(Arc::clone(&self.cancelled));
        std::future::pending().await
    }

    async fn cancelled(&self) -> u32 {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Calls a shop, and returns what it did wrong.
async fn check(shop: &ShopClient) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |what: &str, holds: bool, seen: &dyn std::fmt::Debug| {
        if !holds {
            wrong.push(format!("{what}: {seen:?}"));
        }
    };
    let found = shop.find(u64::MAX).await;
    expect(
        "an order",
        found.as_ref().is_ok_and(|found| *found == order(u64::MAX)),
        &found,
    );
    let missing = shop.find(0).await;
    let is_missing = matches!(
        &missing,
        Err(MethodError::Handler(ShopError::NotFound { id: 0, near })) if *near == [order(u64::MAX)]
    );
    expect("an error with fields", is_missing, &missing);
    for (kind, name) in [
        (0, "SoldOut"),
        (1, "TooFew(18446744073709551615"),
        (2, "Broken([7, 255])"),
        (3, "Refused { proof: [7, 255]"),
    ] {
        let failed = shop.fail(kind, Bytes::from_static(&[7, 255])).await;
        let is_expected = matches!(&failed, Err(MethodError::Handler(error)) if format!("{error:?}").starts_with(name));
        expect(name, is_expected, &failed);
    }
    let placed = shop.place(&order(1), None, 2, true).await;
    expect("optional arguments", matches!(placed, Ok(1003)), &placed);
    let total = shop
        .total(2, tokio_stream::iter([u64::MAX / 2 - 1, 1]))
        .await;
    expect(
        "a stream as an argument",
        matches!(total, Ok(18_446_744_073_709_551_614)),
        &total,
    );
    let counted = match shop.count(3).await {
        Ok(numbers) => numbers.collect::<Result<Vec<_>, _>>().await,
        Err(error) => panic!("{error}"),
    };
    expect(
        "a stream",
        counted.as_ref().is_ok_and(|numbers| *numbers == [0, 1, 2]),
        &counted,
    );
    let mut orders = match shop.orders(1).await {
        Ok(orders) => orders,
        Err(error) => panic!("{error}"),
    };
    let first = orders.recv().await;
    expect(
        "an item",
        matches!(&first, Some(Ok(found)) if *found == order(1)),
        &first,
    );
    let last = orders.recv().await;
    let is_error = matches!(
        &last,
        Some(Err(ItemError::Handler(ShopError::TooFew(9, _))))
    );
    expect("an error behind items", is_error, &last);
    let chunks = [Bytes::from_static(&[1]), Bytes::from_static(&[0, 255])];
    let doubled = match shop.double(tokio_stream::iter(chunks)).await {
        Ok(chunks) => chunks.collect::<Result<Vec<_>, _>>().await,
        Err(error) => panic!("{error}"),
    };
    let is_doubled = doubled
        .as_ref()
        .is_ok_and(|chunks| chunks.concat() == [1, 1, 0, 255, 0, 255]);
    expect("streams of bytes", is_doubled, &doubled);
    let found = shop
        .search(Search {
            text: "a".to_owned(),
            limit: Some(2),
        })
        .await;
    expect(
        "parameters",
        found.as_ref().is_ok_and(|found| *found == ["a", "a"]),
        &found,
    );
    wrong
}
