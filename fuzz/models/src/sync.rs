//! The locks, atomics and threads of the runtime, of shuttle.

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use shuttle::sync::{Condvar, MutexGuard};

/// The lock of `chirp_runtime::sync`.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no thread panics with the lock")
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("no thread panics with the lock")
    }
}

pub(crate) mod thread {
    use std::io;

    pub(crate) use shuttle::thread::sleep;

    /// Starts threads that need not end: a model is over when all others have ended.
    #[derive(Default)]
    pub(crate) struct Builder;

    impl Builder {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn name(self, _: String) -> Self {
            self
        }

        pub(crate) fn spawn(self, code: impl FnOnce() + Send + 'static) -> io::Result<()> {
            drop(shuttle::future::spawn(async move { code() }));
            Ok(())
        }
    }
}
