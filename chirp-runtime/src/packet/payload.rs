use std::any::Any;
use std::sync::OnceLock;
use std::{fmt, mem};

use bytes::Bytes;

/// The parameters of a call or the data of an answer, on their way out.
///
/// Encoded values are in a `Vec` that its maker may want back for the next value; bytes that already
/// stand somewhere are shared. Either converts into this with `.into()`. An encoded value that is many bytes
/// is both: what is before them, and they themselves.
///
/// Halves of streams that the values name travel beside the bytes ([`attach`](Self::attach)); a clone has the bytes
/// and not those.
#[derive(Clone)]
pub struct Payload(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Vec<u8>),
    Shared(Bytes),
    /// In a box, so that the others are no larger for it.
    Parted(Box<Parted>),
}

#[derive(Clone)]
struct Parted {
    head: Vec<u8>,
    body: Bytes,
    /// Both in one piece, for whoever asked for that.
    whole: OnceLock<Bytes>,
    attachments: Attachments,
}

/// Halves of streams that values have, in the order in which they name them. Nearly always there are none, which cost
/// nothing.
#[derive(Debug, Default)]
#[expect(
    clippy::box_collection,
    reason = "none are a null pointer, of which nothing is dropped"
)]
pub struct Attachments(Option<Box<Vec<Attachment>>>);

impl Attachments {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |halves| halves.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds those of a further value.
    pub fn append(&mut self, more: &mut Vec<Attachment>) {
        if !more.is_empty() {
            self.0.get_or_insert_default().append(more);
        }
    }

    /// The last of them.
    pub fn last_mut(&mut self) -> Option<&mut Attachment> {
        self.0.as_mut()?.last_mut()
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Attachment> {
        self.0.map_or_else(Vec::new, |halves| *halves)
    }
}

/// A clone has none: there is one of each.
impl Clone for Attachments {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Half of a stream that a value names, by its index among the attachments of what carries the value.
pub struct Attachment {
    /// What the stream is at the side that sends the value.
    pub entry: AttachedStream,
    /// The half itself, for whoever sends the value: to be bound to its end of the stream.
    pub half: Box<dyn Any + Send + Sync>,
}

/// What is to be known of a stream before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedStream {
    /// Whether its items go the way of the value that names it; else they come to its sender.
    pub outward: bool,
    /// Whether it belongs to the call whose argument it is.
    pub bound: bool,
    /// The codec of its items, by number (PROTOCOL.md, "Codec numbers").
    pub codec: u8,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

impl Payload {
    /// Up to this size bytes are copied to what is before them; larger runs are sent from where they stand.
    pub(crate) const COPIED: usize = 8 << 10;

    /// What was encoded, and a run of bytes after it that was not copied.
    pub(crate) fn parted(head: Vec<u8>, body: Bytes) -> Self {
        if head.is_empty() {
            return body.into();
        }
        Self(Repr::Parted(Box::new(Parted {
            head,
            body,
            whole: OnceLock::new(),
            attachments: Attachments::default(),
        })))
    }

    /// The same bytes with halves of streams beside them, in the order in which the values name them.
    #[must_use]
    pub fn attach(mut self, attachments: Attachments) -> Self {
        if attachments.is_empty() {
            return self;
        }
        let body = self.take_large();
        Self(Repr::Parted(Box::new(Parted {
            head: self.into_vec().unwrap_or_default(),
            body,
            whole: OnceLock::new(),
            attachments,
        })))
    }

    /// Takes the halves of streams away that are beside the bytes.
    pub fn detach(&mut self) -> Vec<Attachment> {
        match &mut self.0 {
            Repr::Parted(parted) => mem::take(&mut parted.attachments).into_vec(),
            Repr::Owned(_) | Repr::Shared(_) => Vec::new(),
        }
    }

    /// The halves of streams beside the bytes.
    pub(crate) fn halves(&self) -> impl Iterator<Item = &Attachment> {
        let halves = match &self.0 {
            Repr::Parted(parted) => parted.attachments.0.as_deref(),
            Repr::Owned(_) | Repr::Shared(_) => None,
        };
        halves.into_iter().flatten()
    }

    /// How many halves of streams are beside the bytes.
    pub(crate) fn attachments(&self) -> usize {
        match &self.0 {
            Repr::Parted(parted) => parted.attachments.len(),
            Repr::Owned(_) | Repr::Shared(_) => 0,
        }
    }

    /// Whether there are halves of streams beside the bytes.
    pub fn has_attachments(&self) -> bool {
        matches!(&self.0, Repr::Parted(parted) if !parted.attachments.is_empty())
    }

    /// Takes the payload apart into what is to be copied, which stays here, and what is to be sent from where
    /// it stands.
    pub(crate) fn take_large(&mut self) -> Bytes {
        match mem::take(self).0 {
            Repr::Parted(parted) => {
                *self = parted.head.into();
                parted.body
            }
            repr => Self(repr).into_bytes(),
        }
    }

    /// What of a payload that is not needed may have an owner, whose code runs when it is dropped.
    pub(crate) fn into_remains(mut self) -> Bytes {
        self.take_large()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Parted(parted) => parted.head.len() + parted.body.len(),
            _ => self.as_slice().len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Owned(vec) => vec,
            Repr::Shared(bytes) => bytes,
            Repr::Parted(parted) => parted.whole(),
        }
    }

    /// The bytes, shareable; nothing is copied but what was encoded around many bytes.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Owned(vec) => vec.into(),
            Repr::Shared(bytes) => bytes,
            Repr::Parted(parted) => parted.whole().clone(),
        }
    }

    /// The buffer itself, when there is one to use again.
    pub fn into_vec(self) -> Option<Vec<u8>> {
        match self.0 {
            Repr::Owned(vec) => Some(vec),
            Repr::Shared(_) | Repr::Parted(_) => None,
        }
    }
}

impl Parted {
    fn whole(&self) -> &Bytes {
        self.whole
            .get_or_init(|| [&self.head[..], &self.body].concat().into())
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self(Repr::Shared(Bytes::new()))
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Owned(bytes))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::Shared(bytes))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(Repr::Owned(text.into_bytes()))
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Self(Repr::Shared(Bytes::from_static(text.as_bytes())))
    }
}

impl From<&'static [u8]> for Payload {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Repr::Shared(Bytes::from_static(bytes)))
    }
}

impl From<()> for Payload {
    fn from((): ()) -> Self {
        Self::default()
    }
}
