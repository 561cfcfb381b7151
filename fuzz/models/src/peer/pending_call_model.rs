use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use bytes::Bytes;
use chirp_runtime::packet::{ResponsePacket, ResultCode};
use shuttle::thread;

use crate::peer::client::pending_call::PendingCall;
use crate::peer::schedules;
use crate::peer::sleeper::Sleeper;
use crate::peer::stream::inbound_streams::UnboundStreams;
use crate::session::{CallOutcome, OutboundCallId, Refused};

fn outcome() -> CallOutcome {
    CallOutcome::TooLarge { limit: 7 }
}

/// Polls like a task that may be moved to another waker meanwhile.
fn wait_for(slot: &PendingCall) -> Result<CallOutcome, Refused> {
    loop {
        let sleeper = Arc::new(Sleeper::default());
        let waker = Waker::from(Arc::clone(&sleeper));
        match slot.poll(&waker) {
            Poll::Ready(found) => return found.map(|(outcome, _)| outcome),
            Poll::Pending => sleeper.sleep(),
        }
    }
}

/// A lost wake-up is a deadlock, which the scheduler reports.
#[test]
fn an_answer_wakes_the_caller_and_is_taken_once() {
    schedules::check(|| {
        let slot = PendingCall::take(None);
        let reader = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                slot.sent(OutboundCallId::of(1).unwrap());
                let (waker, orphans) = slot.answer(outcome(), None);
                assert!(orphans.is_none());
                waker.into_iter().for_each(Waker::wake);
            }
        });
        assert!(matches!(
            wait_for(&slot),
            Ok(CallOutcome::TooLarge { limit: 7 })
        ));
        reader.join().unwrap();
        let nobody = Waker::noop();
        assert!(slot.poll(nobody).is_pending(), "it is taken once");
    });
}

/// As a call polls: it takes a value without a waker first.
#[test]
fn a_value_wakes_the_caller_and_is_taken_once() {
    schedules::check(|| {
        let slot = PendingCall::take(None);
        let reader = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                slot.sent(OutboundCallId::of(1).unwrap());
                let value = CallOutcome::Response(ResponsePacket {
                    id: 1,
                    code: ResultCode::Success,
                    data: Bytes::from_static(b"7"),
                });
                let (waker, _) = slot.answer(value, None);
                waker.into_iter().for_each(Waker::wake);
            }
        });
        let value = loop {
            if let Some(value) = slot.take_value() {
                break value;
            }
            let sleeper = Arc::new(Sleeper::default());
            let waker = Waker::from(Arc::clone(&sleeper));
            match slot.poll(&waker) {
                Poll::Ready(found) => {
                    let (mut outcome, _) = found.unwrap();
                    break outcome.take_value().unwrap();
                }
                Poll::Pending => sleeper.sleep(),
            }
        };
        assert_eq!(&value[..], b"7");
        reader.join().unwrap();
        assert!(slot.take_value().is_none(), "it is taken once");
        assert!(slot.poll(Waker::noop()).is_pending());
    });
}

#[test]
fn a_refusal_wakes_the_caller() {
    schedules::check(|| {
        let slot = PendingCall::take(None);
        let writer = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                slot.refuse(Refused::GoingAway)
                    .into_iter()
                    .for_each(Waker::wake)
            }
        });
        assert!(matches!(wait_for(&slot), Err(Refused::GoingAway)));
        writer.join().unwrap();
    });
}

/// The streams of an answer to a caller that has gone are dropped when it leaves, or are with the reader, who releases them. In
/// the slot nothing would find them.
#[test]
fn streams_of_an_answer_to_a_caller_that_leaves_are_not_left_in_its_slot() {
    schedules::check(|| {
        let slot = PendingCall::take(None);
        let dropped = Arc::new(AtomicUsize::new(0));
        let streams = UnboundStreams(Arc::clone(&dropped));
        let call = OutboundCallId::of(1).unwrap();
        slot.sent(call);
        let reader = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.answer(outcome(), Some(Box::new((call, streams)))).1
        });
        let (left, _rest) = slot.leave();
        assert_eq!(left, Some(call));
        let orphans = reader.join().unwrap();
        let released = dropped.load(Ordering::SeqCst) + usize::from(orphans.is_some());
        assert_eq!(released, 1);
    });
}
