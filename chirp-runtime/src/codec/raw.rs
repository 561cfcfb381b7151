use super::form::{List, Plain};
use super::{Carries, Codec, CodecId, DecodeError, EncodeError, sealed};

/// Bytes as they are: a method takes one argument of bytes or text, or none, and returns one of them, or
/// nothing. For methods whose other side is written by hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl sealed::Sealed for Raw {}

impl Codec for Raw {
    const ID: CodecId = CodecId::Raw;
}

#[diagnostic::do_not_recommend]
impl<F: Plain> Carries<F> for Raw {
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(F::bytes(value));
        Ok(())
    }

    fn decode<'de>(bytes: &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        F::from_bytes(bytes)
    }
}

/// One argument is sent as the argument alone.
impl<F: Plain> Plain for (F, ())
where
    (F, ()): for<'a> List<Sent<'a> = (F::Sent<'a>, ()), Got<'a> = (F::Got<'a>, ())>,
{
    fn bytes<'a>((value, ()): &'a (F::Sent<'_>, ())) -> &'a [u8] {
        F::bytes(value)
    }

    fn from_bytes(bytes: &[u8]) -> Result<(F::Got<'_>, ()), DecodeError> {
        Ok((F::from_bytes(bytes)?, ()))
    }
}

/// No arguments, or no result: nothing at all.
impl Plain for () {
    fn bytes<'a>((): &'a ()) -> &'a [u8] {
        &[]
    }

    fn from_bytes(bytes: &[u8]) -> Result<(), DecodeError> {
        match bytes.len() {
            0 => Ok(()),
            more => Err(DecodeError::left_over(more)),
        }
    }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|_| DecodeError::new("a text is not UTF-8"))
}
