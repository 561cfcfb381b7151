/// The method by which a peer asks which methods the other side serves, and with which signatures.
pub const CONTRACT_METHOD: &str = "chirp.contract";

const ASK: [u8; 5] = [0xC7, b'S', b'I', b'G', b'N'];
const ANSWER: [u8; 5] = [0xC7, b'N', b'G', b'I', b'S'];

/// The state of one method in a reply to `chirp.contract` (PROTOCOL.md, "`chirp.contract`").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedMethod {
    /// The peer does not serve the method.
    No,
    /// The peer may serve the method, but its handler does not tell a signature.
    Unsigned,
    /// The peer serves the method. The value is the fingerprint of the signature.
    Signed(u64),
}

impl ServedMethod {
    /// The maximum number of methods in one question.
    pub const MAX_METHODS: usize = 4096;

    /// Encodes the parameters of a `chirp.contract` call.
    ///
    /// A name of more than 255 bytes is cut to 255, and the reply then concerns the cut name.
    pub fn encode_question<'a>(methods: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut out = ASK.to_vec();
        for name in methods {
            let len = u8::try_from(name.len()).unwrap_or(u8::MAX);
            out.push(len);
            out.extend_from_slice(&name[..usize::from(len)]);
        }
        out
    }

    /// Decodes the parameters of a `chirp.contract` call into method names.
    ///
    /// Returns `None` if the bytes are not a question or ask about more than
    /// [`MAX_METHODS`](Self::MAX_METHODS) methods.
    pub fn decode_question(bytes: &[u8]) -> Option<Vec<&[u8]>> {
        let mut rest = bytes.strip_prefix(&ASK)?;
        let mut methods = Vec::new();
        while let Some((&len, after)) = rest.split_first() {
            let (name, after) = after.split_at_checked(len.into())?;
            if methods.len() == Self::MAX_METHODS {
                return None;
            }
            methods.push(name);
            rest = after;
        }
        Some(methods)
    }

    /// Encodes the reply to a question: one entry for each method, in the order of the question.
    pub fn encode_answer(methods: impl IntoIterator<Item = Self>) -> Vec<u8> {
        let mut out = ANSWER.to_vec();
        for method in methods {
            match method {
                Self::No => out.push(0),
                Self::Unsigned => out.push(1),
                Self::Signed(fingerprint) => {
                    out.push(2);
                    out.extend_from_slice(&fingerprint.to_be_bytes());
                }
            }
        }
        out
    }

    /// Decodes the reply to a question about `methods` methods.
    ///
    /// Returns `None` if the bytes are not such a reply, as from a peer that answers calls of any name.
    pub fn decode_answer(bytes: &[u8], methods: usize) -> Option<Vec<Self>> {
        let mut rest = bytes.strip_prefix(&ANSWER)?;
        let mut served = Vec::new();
        while let Some((&tag, after)) = rest.split_first() {
            if served.len() == methods {
                return None;
            }
            let (one, after) = match tag {
                0 => (Self::No, after),
                1 => (Self::Unsigned, after),
                2 => {
                    let (fingerprint, after) = after.split_first_chunk()?;
                    (Self::Signed(u64::from_be_bytes(*fingerprint)), after)
                }
                _ => return None,
            };
            served.push(one);
            rest = after;
        }
        (served.len() == methods).then_some(served)
    }
}
