//! Typed streams: sequences of values in either direction, with flow control.
//!
//! A method that returns `impl Stream<Item = T>` gives its caller a [`Receiver<T>`]. A method that takes a
//! `Receiver<T>` can be called with any stream of `T`. The two halves of a [`channel`] are values too: each
//! can be sent in an argument, a result or an item of another stream, to any depth, and then works from the
//! other side.
//!
//! [`send`](Sender::send) returns once an item is on its way, not when the receiver has taken it. To learn
//! that items were processed, let the method return a result.
//!
//! The end of a stream (`None`) means success. All other endings are errors ([`StreamError`]), which the
//! receiver gets after the items that arrived: the sender was dropped without [`finish`](Sender::finish), the
//! sender failed, or the call or the connection ended.
//!
//! The receiver grants credit: a stream starts with 16 KiB, and grows to at most 1 MiB while its receiver
//! keeps up. Items that the receiver does not take stay with the sender and do not delay anything else on the
//! connection. Dropping the receiver cancels the sender, even while the sender waits.

mod bytes;
mod channel;
mod half;
mod into_receiver;
mod pump;
mod receiver;
mod sender;

pub use self::bytes::{ByteReader, ByteWriter};
pub use crate::peer::{StreamError, TimeLimit};
pub use channel::channel;
/// The return type of streaming methods: the `Stream` trait of the `futures` crates.
#[doc(no_inline)]
pub use futures_core::Stream;
pub use into_receiver::IntoReceiver;
pub(crate) use pump::{PumpError, drive};
pub use receiver::{ItemError, Receiver, TryRecvError};
pub use sender::{Sender, TrySendError};
