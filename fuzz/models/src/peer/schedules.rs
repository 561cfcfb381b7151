/// The number of schedules of each kind.
const ITERATIONS: usize = 500;

/// The number of places at which a schedule with priorities changes them.
const DEPTH: usize = 3;

/// Runs a model under random schedules, and under schedules with priorities, in which a thread may stand still for long while
/// the others go on.
pub(super) fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(model, ITERATIONS);
    shuttle::check_pct(model, ITERATIONS, DEPTH);
}
