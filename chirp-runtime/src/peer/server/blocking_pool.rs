use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::packet::FrameworkError;
use crate::peer::server::slow_methods::MethodPrefix;
use crate::peer::server::task::panicked;
use crate::peer::{Handler, Reply, Request};

/// The default number of concurrent blocking handlers.
const LIMIT: usize = 64;

/// Runs handlers that block on a pool of threads. At most a given number run at once; further calls wait.
///
/// ```
/// # use chirp_runtime::peer as chirp;
/// use chirp::{BlockingPool, PeerBuilder, Request};
///
/// let blocking = BlockingPool::default();
/// let builder = PeerBuilder::new()
///     .handle("read", blocking.handler(|_: Request| std::fs::read("/etc/hostname").map_err(|error| error.to_string())))
///     .handle("hash", blocking.handler(|request: Request| Ok::<_, String>(request.params().len().to_string())));
/// ```
///
/// A blocking handler cannot be interrupted. A call that is cancelled is answered at once, but counts as running until
/// its handler returns.
#[derive(Clone)]
pub struct BlockingPool {
    permits: Arc<Semaphore>,
}

impl BlockingPool {
    /// Creates a pool that runs at most `limit` handlers at once.
    pub fn new(limit: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
        }
    }

    /// Creates a handler that runs `function`, which may block.
    pub fn handler<F, R>(&self, function: F) -> impl Handler + use<F, R>
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Into<Reply>,
    {
        let function = Arc::new(function);
        let blocking = self.clone();
        move |request: Request| {
            let function = Arc::clone(&function);
            blocking.run(request, move |request| function(request).into())
        }
    }

    /// Answers one call with `function`, which may block. The values that it owns are dropped when it has returned, or
    /// when the call ends before it starts.
    pub(crate) fn run<F>(
        &self,
        request: Request,
        function: F,
    ) -> impl Future<Output = Reply> + Send + use<F>
    where
        F: FnOnce(Request) -> Reply + Send + 'static,
    {
        let permits = Arc::clone(&self.permits);
        async move {
            // The semaphore is never closed.
            let Ok(permit) = permits.acquire_owned().await else {
                return Reply::from(FrameworkError::Overloaded);
            };
            let (responder, reply) = request.defer();
            tokio::task::spawn_blocking(move || {
                let method = MethodPrefix::new(request.method());
                let connection = request.context().connection();
                let reply = catch_unwind(AssertUnwindSafe(|| function(request)));
                responder.reply(reply.unwrap_or_else(|panic| {
                    panicked(panic, method.as_bytes(), connection.as_deref())
                }));
                drop(permit);
            });
            reply
        }
    }
}

/// At most 64 handlers at once.
impl Default for BlockingPool {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool")
            .field("free", &self.permits.available_permits())
            .finish()
    }
}
