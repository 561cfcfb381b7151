use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::thread;

use crate::peer::schedules;
use crate::peer::stream::demand::{Demand, Startable};

/// Counts how often it is sent.
#[derive(Default)]
struct UnsentCall(AtomicUsize);

impl Startable for UnsentCall {
    fn start(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Invariant: a half that waits sends the call that has the other half, whether it waits before or after the call is made.
/// Otherwise, both would wait for ever.
#[test]
fn a_half_that_waits_sends_the_call_of_the_other_half() {
    schedules::check(|| {
        let demand = Arc::new(Demand::default());
        let call = Arc::new(UnsentCall::default());
        let half = thread::spawn({
            let demand = Arc::clone(&demand);
            move || demand.raise()
        });
        let given: Arc<dyn Startable> = Arc::<UnsentCall>::clone(&call);
        if demand.set(Arc::downgrade(&given)) {
            given.start();
        }
        half.join().unwrap();
        assert_eq!(call.0.load(Ordering::SeqCst), 1, "sent once");
    });
}
