//! A call of its own for each target.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chirp::{Answer, CallError, Gather};

use super::{OfficeClient, Seen, offices};

#[tokio::test]
async fn each_target_gets_its_own_values_and_streams() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);

    let answers = Gather::each(peers.clone(), |target| {
        let topic = format!("tea for {}", target.name());
        OfficeClient::new(target).ask(&topic)
    })
    .await;
    assert_eq!(answers.len(), 2);
    for Answer { from, result } in answers {
        assert_eq!(result.unwrap(), format!("{from}: tea for {from}"));
    }

    let sums = Gather::each(peers, |target| {
        let numbers = 1..=target.name().len() as u64;
        OfficeClient::new(target).total(tokio_stream::iter(numbers))
    })
    .await;
    for Answer { from, result } in sums {
        let len = from.len() as u64;
        assert_eq!(result, Ok(len * (len + 1) / 2), "{from}");
    }
}

#[tokio::test]
async fn each_target_may_be_any_future() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let answers = Gather::each(peers, |target| {
        let client = OfficeClient::new(target);
        async move {
            client.log("hello").await?;
            client.name().await
        }
    })
    .await;
    for Answer { from, result } in answers {
        assert_eq!(result.as_deref(), Ok(&*from));
    }
    seen.until(|seen| seen.logged.load(Ordering::Relaxed) == 2)
        .await;
}

#[tokio::test]
async fn the_calls_of_each_are_made_when_they_are_started() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha"], &seen);
    let targets = (0..3).map(|index| (index.to_string(), peers[0].1.clone()));
    let (made, mut was_made) = tokio::sync::mpsc::unbounded_channel();
    let mut group = Gather::each(targets, move |target| {
        made.send(target.name().to_owned()).unwrap();
        OfficeClient::new(target).name()
    })
    .max_concurrent(1);
    assert!(was_made.is_empty(), "nothing is made before the first poll");
    for index in 0..3 {
        let answer = group.next().await.unwrap();
        assert_eq!(&*answer.from, index.to_string());
        assert_eq!(was_made.recv().await, Some(index.to_string()));
        assert!(was_made.is_empty());
    }
    assert!(group.next().await.is_none());
}

#[tokio::test]
async fn a_panic_while_a_call_is_made_leaves_the_other_targets() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta", "gamma"], &seen);
    let mut group = Gather::each(peers, |target| {
        assert!(target.name() != "beta", "a mistake of the program");
        OfficeClient::new(target).name()
    })
    .max_concurrent(1);
    let (group, failed) = {
        let first = group.next().await.unwrap();
        assert_eq!(&*first.from, "alpha");
        let task = tokio::spawn(async move {
            let mut group = group;
            let polled = std::panic::AssertUnwindSafe(group.next());
            let caught = std::panic::catch_unwind(|| futures_poll(polled));
            (group, caught.is_err())
        });
        task.await.unwrap()
    };
    assert!(failed);
    let rest: Vec<Answer<String, CallError>> = group.await;
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].result.as_deref(), Ok("gamma"));
}

/// Polls a future once.
fn futures_poll<F: Future>(future: std::panic::AssertUnwindSafe<F>) {
    let mut future = std::pin::pin!(future.0);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = future.as_mut().poll(&mut cx);
}
