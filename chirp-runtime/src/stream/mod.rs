//! Streams with types: values that travel one after another, in either direction, with back-pressure.
//!
//! A method that returns `impl Stream<Item = T>` gives its caller a [`Receiver<T>`]; one that takes a `Receiver<T>` is
//! called with any stream of `T`. Beside that the two halves of a [`channel`] are values: either may stand in an
//! argument, in a result, in an item of another stream, to any depth, and works from the other side then.
//!
//! An item has been sent when [`send`](Sender::send) returns, which is not to say that it was taken. Who must know that lets
//! the method answer.
//!
//! The end of a stream means success. Everything else is a failure, which is the last that its receiver is told
//! ([`StreamError`]), behind the items that came: that the sender was dropped without
//! [`finish`](Sender::finish), that it failed, that the call or the connection ended.
//!
//! Whoever receives gives credit: a stream begins with 16 KiB, and has up to 1 MiB while its receiver keeps up. What a
//! receiver does not take stays with the sender, and holds up nothing else on the connection. Dropping a receiver ends
//! the sender's work, wherever it waits.

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
/// What methods return: the trait of the `futures` family, so that any stream will do.
#[doc(no_inline)]
pub use futures_core::Stream;
pub use into_receiver::IntoReceiver;
pub(crate) use pump::{PumpError, drive};
pub use receiver::{ItemError, Receiver, TryRecvError};
pub use sender::{Sender, TrySendError};
