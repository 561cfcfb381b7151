use std::pin::Pin;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// A boxed task of this library. One type for all tasks: the runtime's code is compiled once for each type of task and
/// kind of runtime.
pub(crate) type Task<T = ()> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Spawns a long-lived task. The cost of its box does not matter.
pub(super) fn spawn(
    runtime: &Handle,
    task: impl Future<Output = ()> + Send + 'static,
) -> AbortHandle {
    let task: Task = Box::pin(task);
    runtime.spawn(task).abort_handle()
}
