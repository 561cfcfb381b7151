/// The encoding of a call's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueEncoding {
    /// The codec of the service.
    #[default]
    Native,
    /// JSON, since the method was called by its JSON name.
    #[cfg(feature = "reflect")]
    Json,
}
