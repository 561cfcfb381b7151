/// The method by which one peer asks another which methods it serves, and by which signatures.
pub const CONTRACT_METHOD: &str = "chirp.contract";

const ASK: [u8; 5] = [0xC7, b'S', b'I', b'G', b'N'];
const ANSWER: [u8; 5] = [0xC7, b'N', b'G', b'I', b'S'];

/// What a peer says of one method in `chirp.contract` (PROTOCOL.md, "`chirp.contract`").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedMethod {
    /// There is no such method.
    No,
    /// There may be: whoever answers to the name says nothing of its signature.
    Unsigned,
    /// There is, and this is the fingerprint of its signature.
    Signed(u64),
}

impl ServedMethod {
    /// The most methods that one question may ask of.
    pub const MAX_METHODS: usize = 4096;

    /// The parameters of the call `chirp.contract`. Of a name over 255 bytes its beginning is asked, which
    /// cannot be told from a method that is not there.
    pub fn encode_question<'a>(methods: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut out = ASK.to_vec();
        for name in methods {
            let len = u8::try_from(name.len()).unwrap_or(u8::MAX);
            out.push(len);
            out.extend_from_slice(&name[..usize::from(len)]);
        }
        out
    }

    /// Reads the parameters of the call `chirp.contract`: the names of the methods that are asked of. `None`
    /// when they are not such parameters, or are more than [`MAX_METHODS`](Self::MAX_METHODS).
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

    /// The answer to a question: one of these for each method, in its order.
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

    /// Reads the answer to a question that asked of so many methods. `None` when the bytes are anything
    /// else, such as what a peer says that answers to every name.
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
