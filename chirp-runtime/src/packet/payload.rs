use std::any::Any;
use std::sync::OnceLock;
use std::{fmt, mem};

use bytes::Bytes;

/// Encoded parameters of a call, or encoded data of a response.
///
/// A payload is either an owned `Vec`, whose buffer can be reused, or shared [`Bytes`]. Both convert with
/// `.into()`. An encoded value that ends in many bytes is stored as both: the encoded beginning, and the
/// bytes without a copy.
///
/// Stream halves inside the values are sent beside the bytes ([`attach`](Self::attach)). Cloning a payload
/// clones the bytes but not the stream halves.
#[derive(Clone)]
pub struct Payload(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Vec<u8>),
    Shared(Bytes),
    /// Boxed to keep the other variants small.
    Parted(Box<Parted>),
}

#[derive(Clone)]
struct Parted {
    head: Vec<u8>,
    body: Bytes,
    /// Both pieces joined, once a caller has asked for them in one piece.
    whole: OnceLock<Bytes>,
    attachments: Attachments,
}

/// The stream halves inside a value, in the order in which the value names them. An empty list allocates nothing.
#[derive(Debug, Default)]
#[expect(
    clippy::box_collection,
    reason = "an empty list is a null pointer, which needs no drop"
)]
pub struct Attachments(Option<Box<Vec<Attachment>>>);

impl Attachments {
    /// Returns the number of stream halves.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |halves| halves.len())
    }

    /// Returns whether there are no stream halves.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Moves the stream halves of another value to the end of the list.
    pub fn append(&mut self, more: &mut Vec<Attachment>) {
        if !more.is_empty() {
            self.0.get_or_insert_default().append(more);
        }
    }

    /// Returns the last stream half.
    pub fn last_mut(&mut self) -> Option<&mut Attachment> {
        self.0.as_mut()?.last_mut()
    }

    /// Converts the list into a `Vec`.
    pub fn into_vec(self) -> Vec<Attachment> {
        self.0.map_or_else(Vec::new, |halves| *halves)
    }
}

/// The clone is empty, since each stream half exists once.
impl Clone for Attachments {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A stream half inside a value. The value names it by its index in the list of attachments.
pub struct Attachment {
    /// The properties of the stream as seen by the side that sends the value.
    pub entry: AttachedStream,
    /// The stream half itself, which the sending side connects to its end of the stream.
    pub half: Box<dyn Any + Send + Sync>,
}

/// The properties of a stream before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedStream {
    /// Whether items go in the direction of the value that names the stream, rather than back to the value's sender.
    pub outward: bool,
    /// Whether the stream belongs to the call that has it as an argument.
    pub bound: bool,
    /// The number of the items' codec (PROTOCOL.md, "Codec numbers").
    pub codec: u8,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

impl Payload {
    /// Bytes up to this length are copied next to the encoded value before them. Longer bytes are sent
    /// without a copy.
    pub(crate) const COPIED: usize = 8 << 10;

    /// Creates a payload of an encoded beginning and uncopied bytes that follow.
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

    /// Attaches stream halves, in the order in which the values name them.
    #[must_use]
    #[inline]
    pub fn attach(self, attachments: Attachments) -> Self {
        if attachments.is_empty() {
            self
        } else {
            self.attach_some(attachments)
        }
    }

    #[inline(never)]
    fn attach_some(mut self, attachments: Attachments) -> Self {
        let body = self.take_large();
        Self(Repr::Parted(Box::new(Parted {
            head: self.into_vec().unwrap_or_default(),
            body,
            whole: OnceLock::new(),
            attachments,
        })))
    }

    /// Removes and returns the attached stream halves.
    pub fn detach(&mut self) -> Vec<Attachment> {
        match &mut self.0 {
            Repr::Parted(parted) => mem::take(&mut parted.attachments).into_vec(),
            Repr::Owned(_) | Repr::Shared(_) => Vec::new(),
        }
    }

    /// Attaches stream halves again that were detached.
    pub(crate) fn reattach(&mut self, mut halves: Vec<Attachment>) {
        if let Repr::Parted(parted) = &mut self.0 {
            parted.attachments.append(&mut halves);
        }
    }

    /// Returns the attached stream halves.
    pub(crate) fn halves(&self) -> impl Iterator<Item = &Attachment> {
        let halves = match &self.0 {
            Repr::Parted(parted) => parted.attachments.0.as_deref(),
            Repr::Owned(_) | Repr::Shared(_) => None,
        };
        halves.into_iter().flatten()
    }

    /// Returns the number of attached stream halves.
    pub(crate) fn attachments(&self) -> usize {
        match &self.0 {
            Repr::Parted(parted) => parted.attachments.len(),
            Repr::Owned(_) | Repr::Shared(_) => 0,
        }
    }

    /// Returns whether stream halves are attached.
    pub fn has_attachments(&self) -> bool {
        matches!(&self.0, Repr::Parted(parted) if !parted.attachments.is_empty())
    }

    /// Appends the bytes to `out`.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Parted(parted) => {
                out.reserve(parted.head.len() + parted.body.len());
                out.extend_from_slice(&parted.head);
                out.extend_from_slice(&parted.body);
            }
            Repr::Owned(_) | Repr::Shared(_) => out.extend_from_slice(self.as_slice()),
        }
    }

    /// Removes and returns the bytes to send without a copy. The beginning, which is to be copied, stays.
    pub(crate) fn take_large(&mut self) -> Bytes {
        match mem::take(self).0 {
            Repr::Parted(parted) => {
                *self = parted.head.into();
                parted.body
            }
            repr => Self(repr).into_bytes(),
        }
    }

    /// Returns the part of an unneeded payload that foreign code may own and that must be dropped outside locks.
    pub(crate) fn into_remains(mut self) -> Bytes {
        self.take_large()
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Parted(parted) => parted.head.len() + parted.body.len(),
            _ => self.as_slice().len(),
        }
    }

    /// Returns whether the payload has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes in one piece.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Owned(vec) => vec,
            Repr::Shared(bytes) => bytes,
            Repr::Parted(parted) => parted.whole(),
        }
    }

    /// Returns the same bytes, shared with this payload. Streams beside them stay here.
    #[must_use]
    pub fn share(&mut self) -> Self {
        let bytes = mem::take(self).into_bytes();
        *self = bytes.clone().into();
        bytes.into()
    }

    /// Converts the payload into shareable bytes. Copies only if the payload is in two pieces.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Owned(vec) => vec.into(),
            Repr::Shared(bytes) => bytes,
            Repr::Parted(parted) => parted.whole().clone(),
        }
    }

    /// Returns the owned buffer for reuse. Returns `None` if the payload is shared or in two pieces.
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
