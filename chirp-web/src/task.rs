use std::pin::Pin;

/// A boxed task. One type for all tasks: the runtime's code is compiled once for each type of task.
pub(crate) type WebTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Boxes a task that lives long, or is rare: the cost of its box does not matter.
pub(crate) fn boxed(task: impl Future<Output = ()> + Send + 'static) -> WebTask {
    Box::pin(task)
}
