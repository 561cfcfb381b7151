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

    /// Takes what may stand after a value and means nothing.
    fn trim(_bytes: &mut &[u8]) {}
}
