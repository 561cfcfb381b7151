use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Poll, Waker};

use shuttle::sync::atomic::Ordering;
use shuttle::sync::{Mutex, mpsc};
use shuttle::thread;

use crate::packet::Items;
use crate::peer::schedules;
use crate::peer::sleeper;
use crate::peer::stream::inbound_streams::UnboundStreams;
use crate::peer::stream::mailbox::{ItemStreamQueue, ItemStreams, Mailbox, MailboxEvent};
use crate::session::Ending;

const ITEMS: u64 = 4;

fn wake(waker: Option<Waker>) {
    waker.into_iter().for_each(Waker::wake);
}

/// Receives items until the stream ends. Returns their numbers, and how the stream ended.
fn receive_all(mailbox: &Mailbox, mut check: impl FnMut(&[u64], &ItemStreamQueue)) -> Vec<u64> {
    let mut received = Vec::new();
    loop {
        let mut items = VecDeque::new();
        let mut carried = ItemStreamQueue::new();
        let event = sleeper::run_poll(|cx| mailbox.poll_take(&mut items, &mut carried, cx.waker()));
        let before = received.len();
        received.extend(items.into_iter().flat_map(|Items(numbers)| numbers));
        check(&received[before..], &carried);
        if let MailboxEvent::Ending(ending) = event {
            assert_eq!(ending, Ending::Finished);
            return received;
        }
    }
}

/// Invariant: each item is received once and in order, and the end behind all of them. A receiver that sleeps is woken by
/// both.
#[test]
fn items_come_once_and_in_order_and_the_end_comes_last() {
    schedules::check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let reader = thread::spawn({
            let mailbox = Arc::clone(&mailbox);
            move || {
                wake(mailbox.begin());
                for number in (0..ITEMS).step_by(2) {
                    wake(mailbox.put(Items(vec![number, number + 1])));
                }
                wake(mailbox.end(Ending::Finished));
                // The end of the connection changes nothing any more.
                wake(mailbox.end(Ending::Closed));
            }
        });
        let received = receive_all(&mailbox, |_, _| {});
        assert!(received.into_iter().eq(0..ITEMS));
        reader.join().unwrap();
    });
}

/// Invariant: the streams of an item are there when the item is. Otherwise, its value could not be decoded.
#[test]
fn an_item_never_comes_before_its_streams() {
    schedules::check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let dropped = Arc::new(AtomicUsize::new(0));
        let reader = thread::spawn({
            let (mailbox, dropped) = (Arc::clone(&mailbox), Arc::clone(&dropped));
            move || {
                for number in 0..ITEMS {
                    let streams = UnboundStreams(Arc::clone(&dropped));
                    mailbox.put_carried(number, ItemStreams::Unbound(streams));
                    wake(mailbox.put(Items(vec![number])));
                }
                wake(mailbox.end(Ending::Finished));
            }
        });
        let mut streams = Vec::new();
        receive_all(&mailbox, |items, carried| {
            streams.extend(carried.iter().map(|(number, _)| *number));
            let last = streams.last().copied();
            assert!(items.last().copied() <= last, "{items:?} before {last:?}");
        });
        assert!(streams.into_iter().eq(0..ITEMS), "each comes once");
        reader.join().unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst), 4);
    });
}

/// Invariant: the streams of items without a receiver are released once, by the receiver that leaves or with the mailbox.
#[test]
fn streams_of_items_are_released_once_when_the_receiver_leaves() {
    schedules::check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let dropped = Arc::new(AtomicUsize::new(0));
        let reader = thread::spawn({
            let (mailbox, dropped) = (Arc::clone(&mailbox), Arc::clone(&dropped));
            move || {
                for number in 0..2 {
                    let streams = UnboundStreams(Arc::clone(&dropped));
                    mailbox.put_carried(number, ItemStreams::Unbound(streams));
                    wake(mailbox.put(Items(vec![number])));
                }
            }
        });
        let (carried, rest) = mailbox.clear();
        drop((carried, rest));
        reader.join().unwrap();
        drop(mailbox);
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
    });
}

/// Invariant: a sender that has registered its waker and then found no credit is woken by the next credit, and by the end.
#[test]
fn a_sender_without_credit_is_woken_by_credit_and_by_the_end() {
    schedules::check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let credit = Arc::new(Mutex::new(0));
        let (taken, all_taken) = mpsc::channel();
        let receiver = thread::spawn({
            let (mailbox, credit) = (Arc::clone(&mailbox), Arc::clone(&credit));
            move || {
                for _ in 0..2 {
                    *credit.lock().unwrap() += 1;
                    wake(mailbox.ready());
                }
                // The end must not make up for a lost wake-up.
                all_taken.recv().unwrap();
                all_taken.recv().unwrap();
                wake(mailbox.end(Ending::Cancelled));
            }
        });
        // As the runtime's sender: look, register, look again.
        let next = || {
            let mut credit = credit.lock().unwrap();
            if *credit > 0 {
                *credit -= 1;
                return Some(true);
            }
            drop(credit);
            mailbox.ending().map(|_| false)
        };
        while sleeper::run_poll(|cx| {
            if let Some(found) = next() {
                return Poll::Ready(found);
            }
            mailbox.wait(cx.waker().clone());
            next().map_or(Poll::Pending, Poll::Ready)
        }) {
            taken.send(()).unwrap();
        }
        receiver.join().unwrap();
        assert_eq!(*credit.lock().unwrap(), 0);
    });
}
