use super::form::Plain;
use super::{Codec, CodecId, DecodeError, EncodeError, Encodes, List};

/// Bytes without further encoding, for services whose peers encode data by hand.
///
/// A method takes at most one argument and returns at most one value. Both are bytes or text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl List for Raw {}

impl Codec for Raw {
    const ID: CodecId = CodecId::Raw;
    const MAX_ARGUMENTS: usize = 1;
    const RUNS: bool = true;
}

#[diagnostic::do_not_recommend]
impl<F: Plain> Encodes<F> for Raw {
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(F::bytes(value));
        Ok(())
    }

    fn decode<'de>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        F::from_bytes(std::mem::take(bytes))
    }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|_| DecodeError::new("invalid text: not UTF-8"))
}
