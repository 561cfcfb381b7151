//! Stream halves inside values.
//!
//! A stream half is encoded as its index in a list that is sent beside the value's bytes. While a value is
//! encoded or decoded, that list is kept in a thread-local variable, because serde has no other place for it:
//! encoding a half appends it to the list, and decoding a half claims its index. This module does not depend
//! on the types of the halves.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::sync::{Arc, OnceLock, Weak};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{CodecId, DecodeError};
use crate::packet::{AttachedStream, Attachment, Attachments, StreamOpen};

thread_local! {
    /// The codec of the value being encoded, and the number of halves in the values before it.
    static ENCODING: Cell<Option<(CodecId, usize)>> = const { Cell::new(None) };
    /// Whether the value being encoded has a stream half so far.
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
    /// The stream halves of the value being encoded.
    static ATTACHMENTS: RefCell<Vec<Attachment>> = const { RefCell::new(Vec::new()) };
    static DECODING: RefCell<Option<DecodeScope>> = const { RefCell::new(None) };
}

/// Encodes a value and appends its stream halves to `attachments`.
#[inline]
pub(super) fn encoding<T>(
    codec: CodecId,
    attachments: &mut Attachments,
    encode: impl FnOnce() -> T,
) -> T {
    let scope = EncodeScope::enter(codec, attachments.len());
    let encoded = encode();
    if ATTACHED.get() {
        ATTACHMENTS.with(|list| attachments.append(&mut list.borrow_mut()));
    }
    drop(scope);
    encoded
}

/// The thread-local state of encoding one value. Drops the value's stream halves if encoding panics.
struct EncodeScope {
    /// The state of the enclosing value, if encoding is nested.
    outer: Option<(CodecId, usize)>,
    outer_attached: Attachments,
}

impl EncodeScope {
    #[inline]
    fn enter(codec: CodecId, before: usize) -> Self {
        Self {
            outer: ENCODING.replace(Some((codec, before))),
            outer_attached: if ATTACHED.replace(false) {
                Self::put_aside()
            } else {
                Attachments::default()
            },
        }
    }

    /// Sets aside the stream halves of the enclosing value.
    #[cold]
    fn put_aside() -> Attachments {
        let mut outer = Attachments::default();
        outer.append(&mut ATTACHMENTS.take());
        outer
    }

    /// Drops the halves that the value left behind and restores those of the enclosing value.
    #[cold]
    fn restore(&mut self) {
        let outer = mem::take(&mut self.outer_attached).into_vec();
        ATTACHED.set(!outer.is_empty());
        drop(ATTACHMENTS.replace(outer));
    }
}

impl Drop for EncodeScope {
    #[inline]
    fn drop(&mut self) {
        ENCODING.set(self.outer);
        if ATTACHED.get() || !self.outer_attached.is_empty() {
            self.restore();
        }
    }
}

/// Returns the error for a value with more stream halves than one packet can carry.
pub(crate) fn too_many_streams(limit: usize) -> String {
    format!("too many stream halves: a call, a response or a stream item carries at most {limit}")
}

/// Appends a stream half to those of the value being encoded, and encodes its index.
///
/// # Errors
///
/// Returns an error if the value is not part of a call, a response or a stream item, if its codec is `Raw`,
/// or if there are as many halves as one packet can carry. Also returns the errors of `half` and of the
/// serializer; after a serializer error the half is lost.
pub(crate) fn serialize_half<S: Serializer>(
    serializer: S,
    half: impl FnOnce(CodecId) -> Result<Attachment, &'static str>,
) -> Result<S::Ok, S::Error> {
    let Some((codec, before)) = ENCODING.get() else {
        return Err(ser::Error::custom(
            "stream halves can be encoded only in a call, a response or a stream item",
        ));
    };
    if codec == CodecId::Raw {
        return Err(ser::Error::custom(
            "the codec `Raw` does not support streams",
        ));
    }
    if before + ATTACHMENTS.with(|list| list.borrow().len()) >= StreamOpen::MAX_ENTRIES {
        return Err(ser::Error::custom(too_many_streams(
            StreamOpen::MAX_ENTRIES,
        )));
    }
    let attachment = half(codec).map_err(ser::Error::custom)?;
    let index = ATTACHMENTS.with(|list| {
        let mut list = list.borrow_mut();
        list.push(attachment);
        before + list.len() - 1
    });
    ATTACHED.set(true);
    u32::try_from(index)
        .unwrap_or(u32::MAX)
        .serialize(serializer)
}

/// The streams that were sent with the value being decoded.
struct DecodeScope {
    streams: Vec<Option<AttachedStream>>,
    claims: Claims,
}

/// A placeholder for a stream half, which is filled in once the whole value has been decoded.
#[derive(Default)]
pub struct Claim(OnceLock<Box<dyn Any + Send + Sync>>);

impl Claim {
    /// Fills in the stream half.
    pub fn settle(&self, half: Box<dyn Any + Send + Sync>) {
        // A claim is filled in once.
        let _ = self.0.set(half);
    }

    /// Returns the stream half, if the claim was filled in.
    pub fn into_half(self) -> Option<Box<dyn Any + Send + Sync>> {
        self.0.into_inner()
    }

    /// Returns whether the claim was filled in.
    pub fn is_settled(&self) -> bool {
        self.0.get().is_some()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.is_settled()).finish()
    }
}

/// The claims made while decoding values, each with the index of its stream.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    claims: Vec<(usize, Weak<Claim>)>,
    missed: bool,
}

impl Claims {
    /// Creates the claims of a value that failed to decode. `missed` says whether the value named an unknown stream.
    pub(super) fn of_failed(missed: bool) -> Self {
        Self {
            missed,
            ..Self::default()
        }
    }

    /// Adds the claims of another value.
    pub(super) fn append(&mut self, mut more: Self) {
        self.claims.append(&mut more.claims);
        self.missed |= more.missed;
    }

    /// Returns whether an unknown stream was named, even by an attempt to decode that was abandoned.
    pub(crate) fn misses_stream(&self) -> bool {
        self.missed
    }

    /// Returns the claims that are still in use after the whole value was decoded. Values that serde decoded
    /// and discarded, such as a variant that did not match, have dropped their claims.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if a stream is claimed twice.
    pub(crate) fn surviving(self) -> Result<Vec<(usize, Arc<Claim>)>, DecodeError> {
        let claims = self.claims.into_iter();
        let mut claims: Vec<_> = claims
            .filter_map(|(at, claim)| Some((at, claim.upgrade()?)))
            .collect();
        claims.sort_unstable_by_key(|(at, _)| *at);
        match claims.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            None => Ok(claims),
            Some(twice) => Err(DecodeError::new(format_args!(
                "stream {} is used twice",
                twice[0].0
            ))),
        }
    }
}

/// Decodes a value that was sent with `streams`. Returns the result and the claims made.
pub(crate) fn decoding<T>(
    streams: Vec<Option<AttachedStream>>,
    decode: impl FnOnce() -> T,
) -> (T, Claims) {
    struct Scope(Option<DecodeScope>);

    impl Drop for Scope {
        fn drop(&mut self) {
            DECODING.set(self.0.take());
        }
    }

    let scope = Scope(DECODING.replace(Some(DecodeScope {
        streams,
        claims: Claims::default(),
    })));
    let decoded = decode();
    let claims = DECODING.with_borrow_mut(|decoding| {
        let claims = decoding
            .as_mut()
            .map(|decoding| mem::take(&mut decoding.claims));
        claims.unwrap_or_default()
    });
    drop(scope);
    (decoded, claims)
}

/// Decodes the index of a stream half, and claims the stream. Returns the claim and the codec of the stream's items.
///
/// `outward` is whether items go in the same direction as the value.
///
/// # Errors
///
/// Returns an error if the value was not sent with streams, if the index is unknown, or if the stream has the
/// opposite direction. Also returns the errors of the deserializer.
pub(crate) fn deserialize_half<'de, D: Deserializer<'de>>(
    deserializer: D,
    outward: bool,
) -> Result<(Arc<Claim>, CodecId), D::Error> {
    let index = u32::deserialize(deserializer)?;
    let missing = || de::Error::custom(format_args!("stream {index} was not sent with this value"));
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    DECODING.with_borrow_mut(|decoding| {
        let decoding = decoding.as_mut().ok_or_else(missing)?;
        let Some(stream) = decoding.streams.get(at).copied().flatten() else {
            decoding.claims.missed = true;
            return Err(missing());
        };
        if stream.outward != outward {
            return Err(de::Error::custom(format_args!(
                "stream {index} has the opposite direction"
            )));
        }
        let codec = CodecId::from_number(stream.codec)
            .ok_or_else(|| de::Error::custom("the codec of a stream is unknown"))?;
        // Far more claims than streams per packet: only malformed values make more.
        if decoding.claims.claims.len() > MOST_CLAIMS {
            return Err(de::Error::custom("too many references to streams"));
        }
        let claim = Arc::new(Claim::default());
        decoding.claims.claims.push((at, Arc::downgrade(&claim)));
        Ok((claim, codec))
    })
}

/// The maximum number of references to the streams of one packet, including those in discarded values.
const MOST_CLAIMS: usize = 1 << 14;
