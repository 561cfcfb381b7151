/// A service that is not for everywhere.
#[cfg(unix)]
#[deprecated = "there is another"]
#[chirp::service]
pub(crate) trait Attributes {
    /// Its first line.
    ///
    /// And more.
    ///
    /// ```
    /// # let hidden = "no heading";
    /// ```
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    fn documented(&self) -> u8;
    #[deprecated]
    async fn old(&self);
    #[cfg(target_os = "linux")]
    async fn here(&self, a: u8) -> u8;
    #[cfg(not(target_os = "linux"))]
    async fn here(&self, a: u16) -> u16;
    #[allow(clippy::ptr_arg)]
    fn lenient(&self, it: &String);
}
