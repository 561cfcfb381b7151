//! Time limits: of one item, of a whole stream, and of its call.

use std::time::Duration;

use chirp::stream::channel;
use chirp::{CallError, Receiver, StreamError, TimeLimit, TryRecvError};
use tokio::time::{Instant, advance, sleep};

fn what(error: &StreamError) -> &'static str {
    match error {
        StreamError::TimedOut {
            what: TimeLimit::Item,
        } => "item",
        StreamError::TimedOut {
            what: TimeLimit::End,
        } => "end",
        StreamError::Call(CallError::DeadlineExceeded { .. }) => "call",
        other => panic!("{other:?}"),
    }
}

/// One number each second.
fn ticking() -> Receiver<u64> {
    let (mut sender, receiver) = channel();
    tokio::spawn(async move {
        for number in 0.. {
            sleep(Duration::from_secs(1)).await;
            if sender.send(number).await.is_err() {
                return;
            }
        }
    });
    receiver
}

async fn until_late(mut receiver: Receiver<u64>) -> (u64, &'static str, Duration) {
    let start = Instant::now();
    let mut items = 0;
    loop {
        match receiver.recv().await.expect("it is not whole") {
            Ok(_) => items += 1,
            Err(error) => {
                assert!(receiver.recv().await.is_none());
                return (items, what(&error), start.elapsed());
            }
        }
    }
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn an_item_has_a_time_limit() {
    let (items, what, time) = until_late(ticking().item_timeout(millis(900))).await;
    assert_eq!((items, what), (0, "item"));
    assert!(time >= millis(900) && time < millis(910), "{time:?}");
    // The item limit restarts with each item and does not replace the limit of the stream.
    let receiver = ticking().item_timeout(millis(1100)).timeout(millis(10_500));
    let (items, what, time) = until_late(receiver).await;
    assert_eq!((items, what), (10, "end"));
    assert!(time >= millis(10_500) && time < millis(10_510), "{time:?}");
    let receiver = ticking().timeout(millis(10_500)).item_timeout(millis(500));
    assert_eq!(until_late(receiver).await.1, "item");
}

/// An item that has arrived is not late, however long it was not taken.
#[tokio::test(start_paused = true)]
async fn the_time_limit_runs_only_while_waiting_for_an_item() {
    let (mut sender, receiver) = channel();
    let mut receiver = receiver.item_timeout(millis(100));
    advance(millis(10_000)).await;
    sender.send(1_u64).await.expect("room");
    assert_eq!(receiver.recv().await.expect("an item").expect("in time"), 1);
    advance(millis(10_000)).await;
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    advance(millis(99)).await;
    sender.send(2).await.expect("room");
    assert_eq!(receiver.recv().await.expect("an item").expect("in time"), 2);
    let error = receiver.recv().await.expect("an end").expect_err("late");
    assert_eq!(what(&error), "item");
    let error = sender.closed().await;
    assert!(matches!(error, StreamError::Cancelled), "{error:?}");
}

/// A receiver keeps its time limits when it is passed on.
#[tokio::test(start_paused = true)]
async fn a_forwarded_receiver_keeps_its_time_limits() {
    use crate::ends::{LOCAL, World};
    use crate::support::Link;
    for link in [LOCAL, Some(Link::Memory)] {
        let mut world = World::new(link).await;
        let slow = ticking().item_timeout(millis(900));
        let (back, _receiver) = channel();
        world.client.give(Some(slow), back).await.expect("given");
        let (mut came, _back) = world.came.recv().await.expect("given");
        let error = came.recv().await.expect("an end").expect_err("late");
        let StreamError::Failed(error) = &error else {
            panic!("{error:?}");
        };
        assert!(error.message.contains("within its time limit"), "{error:?}");
    }
}

/// All items that have arrived can be taken without waiting.
#[tokio::test]
async fn received_items_can_be_taken_without_waiting() {
    let (mut sender, mut receiver) = channel();
    for round in 0..100 {
        for number in 0..10 {
            sender.try_send(round * 10 + number).expect("there is room");
        }
        for number in 0..10 {
            let item = receiver.try_recv().expect("it has come");
            assert_eq!(item.expect("a number"), round * 10 + number);
        }
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    }
    sender.finish();
    assert!(matches!(
        receiver.try_recv(),
        Err(TryRecvError::Disconnected)
    ));
}
