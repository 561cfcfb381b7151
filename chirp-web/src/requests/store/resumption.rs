use super::record::StoredRequest;

/// The step with which an unfinished request goes on after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// The call is made: it has not begun, or may run again.
    Run,
    /// The call may have run, and must not run again: its response is an error that says so.
    ReportInterruption,
    /// The response is delivered, under the same ID.
    Deliver,
}

impl StoredRequest {
    /// Returns the step with which an unfinished request goes on. With `reruns_interrupted`, a call that may have run is made
    /// again although its method is not idempotent.
    pub(crate) fn next_step(&self, reruns_interrupted: bool) -> NextStep {
        if self.progress.answered.is_some() {
            return NextStep::Deliver;
        }
        let may_run =
            self.progress.begun.is_none() || self.record.is_idempotent || reruns_interrupted;
        if may_run {
            NextStep::Run
        } else {
            NextStep::ReportInterruption
        }
    }
}
