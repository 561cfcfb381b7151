use std::error::Error;
use std::io;

use super::endpoint::Explained;

/// Finds an error of type `E` inside an `io::Error`, also behind the address that connecting and listening add.
///
/// ```
/// # use chirp_runtime as chirp;
/// use std::io;
///
/// use chirp::channel::{InprocError, find_error};
///
/// # async fn connect() {
/// let endpoint: chirp::channel::Endpoint = "inproc://nobody".parse().expect("a name");
/// let error = endpoint.connect().await.expect_err("nobody listens");
/// assert!(find_error::<InprocError>(&error).is_some());
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(connect());
/// ```
pub fn find_error<E: Error + 'static>(error: &io::Error) -> Option<&E> {
    let mut error: &(dyn Error + 'static) = error.get_ref()?;
    loop {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The `source` of an `io::Error` skips the error inside.
        let io_error = error
            .downcast_ref::<Explained>()
            .map(|explained| &explained.error)
            .or_else(|| error.downcast_ref());
        error = match io_error.and_then(io::Error::get_ref) {
            Some(inner) => inner,
            None => error.source()?,
        };
    }
}
