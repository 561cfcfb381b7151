//! Groups that are awaited outside of a tokio runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use chirp::{CallError, Gather};

use super::{OfficeClient, Seen, offices};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park_timeout(Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_group_with_a_timeout_may_be_awaited_on_any_executor() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let both = peers.clone();
    let answered = thread::spawn(move || {
        let group = OfficeClient::unbound().name().gather(both);
        block_on(group.timeout(Duration::from_secs(30))).len()
    });
    assert_eq!(answered.join().unwrap(), 2);
    let late = thread::spawn(move || {
        let mut group = Gather::new();
        for (name, peer) in &peers {
            group = group.add(*name, OfficeClient::new(peer).wait());
        }
        block_on(group.timeout(Duration::from_millis(20)))
    });
    for answer in late.join().unwrap() {
        let error = answer.result.unwrap_err();
        assert!(
            matches!(error, CallError::DeadlineExceeded { .. }),
            "{error}"
        );
    }
}
