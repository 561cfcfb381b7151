use std::io;
use std::thread;

/// Starts a thread. Its closure is boxed: the code that starts a thread is compiled once for each type of closure.
pub(crate) fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let run: Box<dyn FnOnce() + Send> = Box::new(run);
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(run).map(drop)
}
