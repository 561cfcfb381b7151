//! Stream items, whose codec is known only by number.

use std::any::Any;
use std::mem;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::form::{Blob, Owned, Return};
use super::{
    Bincode, Codec, CodecId, DecodeError, EncodeError, Encodes, Form, Returned, Serde, attaching,
};
use crate::packet::{Attachments, Items, Payload};

/// A type that can be an item of a stream.
///
/// Implemented for all types that implement `Serialize`, `DeserializeOwned` and `Send` and are `'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a stream item",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Item: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Item for T {}

/// Appends an encoded item to `out`, and its stream halves to `attachments`.
///
/// # Errors
///
/// Returns [`EncodeError`] if the item cannot be encoded. `out` may then end in a partial item.
#[inline]
pub(crate) fn encode_item<T: Item>(
    codec: CodecId,
    item: &T,
    out: &mut Vec<u8>,
    attachments: &mut Attachments,
) -> Result<(), EncodeError> {
    // All codecs have an encoding for bytes, but serde would encode a sequence of numbers.
    let any: &dyn Any = item;
    if let Some(bytes) = any.downcast_ref::<Bytes>() {
        return encode::<Blob<Bytes>>(codec, bytes, out);
    }
    if let Some(bytes) = any.downcast_ref::<Vec<u8>>() {
        return encode::<Blob<Vec<u8>>>(codec, bytes, out);
    }
    // A type that needs no drop holds no stream half.
    if !mem::needs_drop::<T>() {
        return encode::<Owned<T>>(codec, item, out);
    }
    attaching::encoding(codec, attachments, || encode::<Owned<T>>(codec, item, out))
}

/// Creates the payload of an item of many bytes without copying them.
///
/// # Errors
///
/// Returns the item if it is to be encoded like any other.
#[inline]
pub(crate) fn item_payload<T: Item>(codec: CodecId, item: T) -> Result<Payload, T> {
    let any: &dyn Any = &item;
    let Some(bytes) = any.downcast_ref::<Bytes>() else {
        return Err(item);
    };
    if codec != CodecId::Bincode || bytes.len() <= Payload::COPIED {
        return Err(item);
    }
    let mut head = Vec::new();
    Bincode::before_run(bytes.len(), &mut head);
    Ok(Payload::parted(head, bytes.clone()))
}

/// Decodes the next of several items. Returns its encoded length and the result, or `None` if no item is left.
///
/// # Errors
///
/// The inner result is a [`DecodeError`] if the bytes are not an item of this type or have bytes left over.
#[inline]
pub(crate) fn next_item<T: Item>(
    codec: CodecId,
    items: &mut Items,
) -> Option<(usize, Result<T, DecodeError>)> {
    let mut item: Option<T> = None;
    let any: &mut dyn Any = &mut item;
    // Many bytes keep the packet's memory.
    let (len, decoded) = if let Some(item) = any.downcast_mut::<Option<Bytes>>() {
        let bytes = items.next()?;
        let len = bytes.len();
        let decoded = of_bytes::<Blob<Bytes>>(codec, bytes).map(|bytes| *item = Some(bytes));
        (len, decoded)
    } else if let Some(item) = any.downcast_mut::<Option<Vec<u8>>>() {
        items.next_with(|bytes| {
            let decoded = decode::<Blob<Vec<u8>>>(codec, bytes);
            (bytes.len(), decoded.map(|bytes| *item = Some(bytes)))
        })?
    } else {
        return items.next_with(|bytes| (bytes.len(), decode::<Owned<T>>(codec, bytes)));
    };
    Some((
        len,
        decoded.and_then(|()| item.ok_or_else(DecodeError::ended)),
    ))
}

#[inline]
fn encode<F: Form>(
    codec: CodecId,
    value: &F::Sent<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match codec {
        CodecId::Bincode => Bincode::serialize::<F>(value, out),
        #[cfg(feature = "postcard")]
        CodecId::Postcard => super::Postcard::serialize::<F>(value, out),
        #[cfg(feature = "messagepack")]
        CodecId::MessagePack => super::MessagePack::serialize::<F>(value, out),
        #[cfg(feature = "json")]
        CodecId::Json => super::Json::serialize::<F>(value, out),
        _ => Err(EncodeError::new(NO_STREAMS)),
    }
}

#[inline]
fn decode<F: Return>(codec: CodecId, bytes: &[u8]) -> Result<F::Value, DecodeError> {
    match codec {
        // Inlined: streams have many small items, for which a call would be a large part of the cost.
        CodecId::Bincode => {
            let mut rest = bytes;
            let value = <Bincode as Encodes<F>>::decode(&mut rest)?;
            match rest.len() {
                0 => Ok(value),
                more => Err(DecodeError::left_over(more)),
            }
        }
        #[cfg(feature = "postcard")]
        CodecId::Postcard => <F as Returned<super::Postcard>>::decode(bytes),
        #[cfg(feature = "messagepack")]
        CodecId::MessagePack => <F as Returned<super::MessagePack>>::decode(bytes),
        #[cfg(feature = "json")]
        CodecId::Json => <F as Returned<super::Json>>::decode(bytes),
        _ => Err(DecodeError::new(NO_STREAMS)),
    }
}

/// Decodes an item like [`decode`], and keeps the packet's memory if the item is many bytes.
fn of_bytes<F: Return>(codec: CodecId, bytes: Bytes) -> Result<F::Value, DecodeError> {
    match codec {
        CodecId::Bincode => <F as Returned<Bincode>>::from_packet(bytes),
        #[cfg(feature = "postcard")]
        CodecId::Postcard => <F as Returned<super::Postcard>>::from_packet(bytes),
        _ => decode::<F>(codec, &bytes),
    }
}

const NO_STREAMS: &str = "this codec does not support streams";
