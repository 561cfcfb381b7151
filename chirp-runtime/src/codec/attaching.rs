//! Halves of streams inside values.
//!
//! In the bytes of a value a half of a stream is its index in a list that travels beside them. While a value is
//! encoded or decoded that list lies with the thread, since serde has no other place for it: a half that is encoded
//! puts itself there, and one that is decoded claims its place. Nothing here knows what a half is.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::sync::{Arc, OnceLock, Weak};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{CodecId, DecodeError};
use crate::packet::{AttachedStream, Attachment, Attachments, StreamOpen};

thread_local! {
    /// The codec of the value that is being encoded, and how many halves the values before it have.
    static ENCODING: Cell<Option<(CodecId, usize)>> = const { Cell::new(None) };
    /// Whether the value has a half of a stream so far.
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
    /// The halves that the value has so far.
    static ATTACHMENTS: RefCell<Vec<Attachment>> = const { RefCell::new(Vec::new()) };
    static DECODING: RefCell<Option<DecodeScope>> = const { RefCell::new(None) };
}

/// Encodes a value whose halves of streams are put behind those that `attachments` has.
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

/// A value is being encoded. What it leaves behind, should it panic, is dropped.
struct EncodeScope {
    /// That of a value which is being encoded further out.
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

    /// What a value has so far in which this one is encoded.
    #[cold]
    fn put_aside() -> Attachments {
        let mut outer = Attachments::default();
        outer.append(&mut ATTACHMENTS.take());
        outer
    }

    /// What the value leaves behind makes room for what it found.
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

/// Why a value cannot be sent that has more halves of streams than may come with one packet.
pub(crate) fn too_many_streams(limit: usize) -> String {
    format!("too many halves of streams: a call, an answer or an item carries at most {limit}")
}

/// Puts a half among those of the value that is being encoded, and writes its place there.
///
/// # Errors
///
/// When no value of a call is being encoded, when there are as many halves as one packet carries, or what the serializer
/// says. The half is lost in the last case.
pub fn serialize_half<S: Serializer>(
    serializer: S,
    half: impl FnOnce(CodecId) -> Result<Attachment, &'static str>,
) -> Result<S::Ok, S::Error> {
    let Some((codec, before)) = ENCODING.get() else {
        return Err(ser::Error::custom(
            "a half of a stream travels in a call, an answer or an item, and nowhere else",
        ));
    };
    if codec == CodecId::Raw {
        return Err(ser::Error::custom("the codec `Raw` carries no streams"));
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

/// The streams that came with what is being decoded.
struct DecodeScope {
    streams: Vec<Option<AttachedStream>>,
    claims: Claims,
}

/// Where a decoded half is put once the whole value has been decoded.
#[derive(Default)]
pub struct Claim(OnceLock<Box<dyn Any + Send + Sync>>);

impl Claim {
    /// Gives the claim what it is for.
    pub fn settle(&self, half: Box<dyn Any + Send + Sync>) {
        // It is settled once.
        let _ = self.0.set(half);
    }

    /// The half, if the claim has been settled.
    pub fn into_half(self) -> Option<Box<dyn Any + Send + Sync>> {
        self.0.into_inner()
    }

    /// Whether it has been settled.
    pub fn is_reconciled(&self) -> bool {
        self.0.get().is_some()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.is_reconciled()).finish()
    }
}

/// The claims of values that have been decoded, by the places of the streams.
#[derive(Debug, Default)]
pub struct Claims {
    claims: Vec<(usize, Weak<Claim>)>,
    missed: bool,
}

impl Claims {
    /// Those of a value that cannot be, if it could not be claimed what it names.
    pub(super) fn of_failed(missed: bool) -> Self {
        Self {
            missed,
            ..Self::default()
        }
    }

    /// Adds those of a further value.
    pub(super) fn append(&mut self, mut more: Self) {
        self.claims.append(&mut more.claims);
        self.missed |= more.missed;
    }

    /// Whether a stream was named that is not there. It may have been in vain.
    pub(super) fn misses_stream(&self) -> bool {
        self.missed
    }

    /// Those that are left, now that the whole value has been decoded. What was decoded in vain (an enum's variant
    /// that did not fit) has let go of its claims.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when a stream is claimed twice.
    pub fn surviving(self) -> Result<Vec<(usize, Arc<Claim>)>, DecodeError> {
        let claims = self.claims.into_iter();
        let mut claims: Vec<_> = claims
            .filter_map(|(at, claim)| Some((at, claim.upgrade()?)))
            .collect();
        claims.sort_unstable_by_key(|(at, _)| *at);
        match claims.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            None => Ok(claims),
            Some(twice) => Err(DecodeError::new(format_args!(
                "stream {} is named twice",
                twice[0].0
            ))),
        }
    }
}

/// Decodes a value that came with these streams. Gives what it claims of them beside it.
pub fn decoding<T>(
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

/// Reads the place of a half, whose items go the way of the value if it is `outward`. Gives the claim to it, and the
/// codec of its items.
///
/// # Errors
///
/// When nothing is being decoded that came with streams, when there is no such stream, or one that goes the other
/// way, or what the deserializer says.
pub fn deserialize_half<'de, D: Deserializer<'de>>(
    deserializer: D,
    outward: bool,
) -> Result<(Arc<Claim>, CodecId), D::Error> {
    let index = u32::deserialize(deserializer)?;
    let missing = || {
        de::Error::custom(format_args!(
            "there is no stream {index} with what names it"
        ))
    };
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    DECODING.with_borrow_mut(|decoding| {
        let decoding = decoding.as_mut().ok_or_else(missing)?;
        let Some(stream) = decoding.streams.get(at).copied().flatten() else {
            decoding.claims.missed = true;
            return Err(missing());
        };
        if stream.outward != outward {
            return Err(de::Error::custom(format_args!(
                "stream {index} goes the other way"
            )));
        }
        let codec = CodecId::from_number(stream.codec)
            .ok_or_else(|| de::Error::custom("a stream whose codec is not known"))?;
        // As many claims as a packet may carry streams, many times over: more are made by what is no value.
        if decoding.claims.claims.len() > MOST_CLAIMS {
            return Err(de::Error::custom("too many streams are named"));
        }
        let claim = Arc::new(Claim::default());
        decoding.claims.claims.push((at, Arc::downgrade(&claim)));
        Ok((claim, codec))
    })
}

/// How often the streams of one packet may be named, decoded in vain or not.
const MOST_CLAIMS: usize = 1 << 14;
