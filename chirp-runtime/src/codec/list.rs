use super::{DecodeError, EncodeError};

/// The delimiters of argument lists. By default arguments follow each other without delimiters, and an empty
/// list has no bytes.
///
/// The trait is private, so that the set of codecs is closed.
pub trait List {
    /// An absent value, in formats that have names. There the argument of a method with the option `params` has no list
    /// around it.
    const ABSENT: Option<&'static [u8]> = None;
    /// The encoding of a struct without fields, in codecs that have names.
    const NO_NAMES: &'static [u8] = &[];

    /// Appends the start of the list.
    fn open(_out: &mut Vec<u8>) {}

    /// Appends the separator between two arguments.
    fn separate(_out: &mut Vec<u8>) {}

    /// Appends the end of the list, or writes the number of arguments to the start.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if there are more arguments than the format supports.
    fn close(_out: &mut Vec<u8>, _count: usize) -> Result<(), EncodeError> {
        Ok(())
    }

    /// Reads the start of the list. Returns the number of arguments, if the format encodes it there.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the start is missing.
    fn opened(_bytes: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
        Ok(None)
    }

    /// Reads the separator between two arguments.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the separator is missing.
    fn separated(_bytes: &mut &[u8], _count: usize) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Reads the end of the list.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the end is missing.
    fn closed(_bytes: &mut &[u8], _count: usize) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Returns whether no more arguments follow, for formats that do not encode their number.
    fn is_over(bytes: &[u8]) -> bool {
        bytes.is_empty()
    }

    /// Skips insignificant bytes after a value, such as whitespace.
    fn trim(_bytes: &mut &[u8]) {}

    /// Appends the start of a list of named arguments. By default named arguments are encoded by position.
    fn open_names(out: &mut Vec<u8>) {
        Self::open(out);
    }

    /// Appends the name of the next argument, with a separator before it if `count` is not 0.
    fn name(out: &mut Vec<u8>, _name: &str, count: usize) {
        if count > 0 {
            Self::separate(out);
        }
    }

    /// Appends the end of a list of named arguments.
    ///
    /// # Errors
    ///
    /// Returns the error of [`close`](Self::close).
    fn close_names(out: &mut Vec<u8>, count: usize) -> Result<(), EncodeError> {
        Self::close(out, count)
    }

    /// Reads a list of named arguments, and passes each name with the bytes of its value to `each`. Returns
    /// `false` and reads nothing if the arguments were not sent by name.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the list is malformed, and the errors of `each`.
    fn names<'de>(_bytes: &mut &'de [u8], _each: &mut Each<'_, 'de>) -> Result<bool, DecodeError> {
        Ok(false)
    }
}

/// A callback for each name with the bytes of its value.
pub(super) type Each<'a, 'de> = dyn FnMut(&str, &'de [u8]) -> Result<(), DecodeError> + 'a;
