use std::pin::Pin;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// A task of this library's, by one type: what a runtime does with each type of task it has a copy of in the
/// program, for each kind of runtime.
pub(crate) type Task<T = ()> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Spawns a task that lives long, so that its box does not matter.
pub(super) fn spawn(
    runtime: &Handle,
    task: impl Future<Output = ()> + Send + 'static,
) -> AbortHandle {
    let task: Task = Box::pin(task);
    runtime.spawn(task).abort_handle()
}
