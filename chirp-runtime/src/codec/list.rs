use super::{DecodeError, EncodeError};

/// What stands around arguments and between them. Unless a codec says otherwise they stand one after another
/// with nothing between, and none are no bytes.
///
/// Nobody outside can implement it, which is what closes the set of codecs.
pub trait List {
    /// Appends what is before the first.
    fn open(_out: &mut Vec<u8>) {}

    /// Appends what is between two.
    fn separate(_out: &mut Vec<u8>) {}

    /// Appends what is after the last, or puts their number where it belongs.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when there are more than can be said.
    fn close(_out: &mut Vec<u8>, _count: usize) -> Result<(), EncodeError> {
        Ok(())
    }

    /// Takes what is before the first, and gives their number where that is said.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is not there.
    fn opened(_bytes: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
        Ok(None)
    }

    /// Takes what is between two.
    ///
    /// # Errors
    ///
    /// As of [`opened`](Self::opened).
    fn separated(_bytes: &mut &[u8], _count: usize) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Takes what is after the last.
    ///
    /// # Errors
    ///
    /// As of [`opened`](Self::opened).
    fn closed(_bytes: &mut &[u8], _count: usize) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Whether no more of them follow, where only looking tells.
    fn is_over(bytes: &[u8]) -> bool {
        bytes.is_empty()
    }

    /// Takes what may stand after a value and means nothing.
    fn trim(_bytes: &mut &[u8]) {}

    /// As [`open`](Self::open), of arguments by name. To a codec that knows no names they are as others.
    fn open_names(out: &mut Vec<u8>) {
        Self::open(out);
    }

    /// Appends what is between two, and the name of the next, of which there were `count` before.
    fn name(out: &mut Vec<u8>, _name: &str, count: usize) {
        if count > 0 {
            Self::separate(out);
        }
    }

    /// As [`close`](Self::close), of arguments by name.
    ///
    /// # Errors
    ///
    /// As of [`close`](Self::close).
    fn close_names(out: &mut Vec<u8>, count: usize) -> Result<(), EncodeError> {
        Self::close(out, count)
    }

    /// Takes arguments by name, all of them, and gives each name with the bytes of its value. Whether they
    /// are by name: if not, nothing was taken.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they begin so and do not go on so.
    fn names<'de>(_bytes: &mut &'de [u8], _each: &mut Each<'_, 'de>) -> Result<bool, DecodeError> {
        Ok(false)
    }
}

/// What is given each name, with the bytes of its value.
pub(super) type Each<'a, 'de> = dyn FnMut(&str, &'de [u8]) -> Result<(), DecodeError> + 'a;
