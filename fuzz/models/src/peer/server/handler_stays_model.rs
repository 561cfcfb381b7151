use shuttle::rand::Rng;
use shuttle::thread;

use crate::channel::Wire;
use crate::peer::connection::ConnectionCore;
use crate::peer::schedules;

/// Longer than the watchdog observes a connection without stays.
const PAUSE: u32 = 200;

/// Invariant: a dispatcher that is blocked inside of a handler is noticed, also if the watchdog stops observing the
/// connection at the moment when the dispatcher enters, and if an earlier dispatcher is still blocked: a handler that
/// blocks until then would be a deadlock otherwise. It is noticed once, and one that returns late ends no later stay.
#[test]
fn a_dispatcher_that_is_blocked_in_a_handler_is_noticed() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let mut late = None;
        for _ in 0..3 {
            let stay = connection.stays.begin();
            connection.stays.observe(&connection);
            if let Some(late) = late.replace(stay) {
                assert!(!connection.stays.end(late), "it has ended");
            }
            assert_eq!(connection.recoveries.wait_for(stay), 1);
            for _ in 0..shuttle::rand::thread_rng().gen_range(0..PAUSE) {
                thread::yield_now();
            }
        }
    });
}
