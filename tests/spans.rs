//! A `tracing` span for each call, on both sides, and an event for each panic. This test has a process of its own:
//! whether a callsite is enabled is cached once per process.
#![cfg(feature = "tracing")]

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chirp::{CallError, PeerBuilder, Propagator, Request, TraceContext, channel};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Records spans and events.
#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    ids: Arc<AtomicU64>,
}

impl Notes {
    fn note(&self, line: String) {
        self.lines.lock().expect("no panics").push(line);
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = fmt::Write::write_fmt(&mut self.0, format_args!(" {field}={value:?}"));
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("chirp")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        self.note(text.0);
        Id::from_u64(self.ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.note(text.0);
    }

    fn try_close(&self, id: Id) -> bool {
        self.note(format!("end {}", id.into_u64()));
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn calls_have_spans_and_panics_are_logged() {
    let notes = Notes::default();
    let _here = tracing::subscriber::set_default(notes.clone());
    let (a, b) = channel::memory();
    let serving = PeerBuilder::new().handle("boom", |request: Request| async move {
        tokio::task::yield_now().await;
        assert!(request.params().is_empty(), "not empty");
        Ok::<_, String>(())
    });
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    let _b = serving.start(b).expect("no duplicates");
    a.call("boom", ()).await.expect("answered");
    let Err(CallError::Rejected { message, .. }) = a.call("boom", "x").await else {
        panic!("it panics")
    };
    let lines = notes.lines.lock().expect("no panics").clone();
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(count("call method=boom"), 2, "{lines:#?}");
    assert_eq!(count("handle method=boom"), 2, "{lines:#?}");
    assert!(count("end ") >= 3, "{lines:#?}");
    // The caller's message has the number of the log line with the text.
    let said = lines
        .iter()
        .find(|line| line.contains("not empty"))
        .expect("the panic is said");
    let (_, number) = said.split_once("reference=").expect("it has a number");
    assert!(message.contains(&number[..16]), "{message} {said}");
    assert!(!message.contains("not empty"), "the text stays here");
}

/// Gives spans ids of its own, and records the spans that it continues.
#[derive(Clone, Default)]
struct Ids {
    flags: u8,
    continued: Arc<Mutex<Vec<(&'static str, TraceContext)>>>,
}

impl Propagator for Ids {
    fn inject(&self, span: &tracing::Span) -> Option<TraceContext> {
        let id = span.id()?.into_u64();
        TraceContext::new([7; 16], id.to_be_bytes(), self.flags).ok()
    }

    fn extract(&self, span: &tracing::Span, parent: &TraceContext) {
        let name = span.metadata().expect("it is enabled").name();
        let mut continued = self.continued.lock().expect("no panics");
        continued.push((name, parent.clone()));
    }
}

/// Returns the parent id that the caller sent, or nothing.
async fn parent(request: Request) -> Result<String, String> {
    let trace = request.context().trace();
    Ok(trace.map_or(String::new(), |trace| {
        u64::from_be_bytes(trace.parent_id()).to_string()
    }))
}

#[tokio::test]
async fn a_propagator_connects_the_spans_of_both_sides() {
    let forwarded = TraceContext::new([9; 16], 99_u64.to_be_bytes(), 1).expect("not zero");
    for flags in [1, 0] {
        let notes = Notes::default();
        let _here = tracing::subscriber::set_default(notes.clone());
        let (a, b) = channel::memory();
        let here = Ids {
            flags,
            ..Ids::default()
        };
        let there = Ids::default();
        let a = PeerBuilder::new().propagator(here.clone()).start(a);
        let b = PeerBuilder::new()
            .propagator(there.clone())
            .handle("parent", parent)
            .start(b);
        let (a, _b) = (a.expect("no duplicates"), b.expect("no duplicates"));
        a.hello().await.expect("asked").expect("it speaks it");
        let sent = a.call("parent", ()).await.expect("answered");
        let continued = || there.continued.lock().expect("no panics").clone();
        if flags == 1 {
            // The first span is the call's, whose id was sent.
            assert_eq!(sent, "1");
            let parent = TraceContext::new([7; 16], 1_u64.to_be_bytes(), 1).expect("not zero");
            assert_eq!(continued(), [("handle", parent)]);
        } else {
            // Its trace is not sampled.
            assert_eq!(sent, "");
            assert_eq!(continued(), []);
        }
        // A trace that was set is sent where the span has none.
        let sent = a.call("parent", ()).trace(forwarded.clone()).await;
        let sent = sent.expect("answered");
        assert_eq!(sent == "99", flags == 0, "{sent:?}");
        assert!(here.continued.lock().expect("no panics").is_empty());
    }
}
