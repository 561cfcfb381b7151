//! Cases, and the function that plays them.

use std::fmt::Write as _;

use chirp::Limits;

use crate::conformance::words::Names;

/// One rule of PROTOCOL.md, and a script that must hold.
///
/// ```text
/// > PACKET       bytes come in, or `> end`     call NAME METHOD DATA     this side calls
/// < PACKET       the next packet that is sent  drop NAME                 its caller goes
/// ! NAME ANSWER  how a call went               hello, give-up, shutdown, wildcard, send TYPE TEXT
/// ! ended WHY    the session is over           limit NAME NUMBER         before all others
/// ```
///
/// A session that has not ended by the last line must answer one more call, and must not have sent anything else.
pub(crate) struct Case {
    /// The section of the rule.
    pub(crate) section: &'static str,
    /// The text of the rule.
    pub(crate) quote: &'static str,
    pub(crate) script: &'static str,
    pub(crate) on: On,
}

/// The subjects of a case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// The session as a value and live peers.
    Both,
    /// Live peers only: the session as a value has no host or panic, for example.
    Live,
    /// The session as a value only: the time at which a live peer does this varies.
    Value,
}

pub(crate) const fn both(section: &'static str, quote: &'static str, script: &'static str) -> Case {
    Case {
        section,
        quote,
        script,
        on: On::Both,
    }
}

pub(crate) const fn live(section: &'static str, quote: &'static str, script: &'static str) -> Case {
    Case {
        section,
        quote,
        script,
        on: On::Live,
    }
}

pub(crate) const fn value(
    section: &'static str,
    quote: &'static str,
    script: &'static str,
) -> Case {
    Case {
        section,
        quote,
        script,
        on: On::Value,
    }
}

/// The side of a connection under test.
pub(crate) trait Subject {
    /// Gives it input.
    async fn receive(&mut self, bytes: &[u8]);
    /// Gives it the end of input.
    async fn end(&mut self);
    /// Returns the next packet that it sends, or `None` once it has ended.
    async fn sent(&mut self) -> Option<Vec<u8>>;
    /// Starts a call of its host.
    async fn call(&mut self, name: &str, method: Vec<u8>, params: Vec<u8>);
    /// Drops a call of its host.
    async fn drop_call(&mut self, name: &str);
    /// Returns the result of a call.
    async fn answer(&mut self, name: &str) -> String;
    /// Performs another action of its host.
    async fn act(&mut self, words: &[&str]);
    /// Returns why it ended.
    async fn ended(&mut self) -> String;
    /// Checks at the end of a case that nothing is left.
    async fn finish(self);
}

/// The limits at the start of a script.
pub(crate) fn limits(script: &str) -> Limits {
    let mut limits = Limits::default();
    for line in script.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let ["limit", name, number] = words[..] else {
            continue;
        };
        let number = number.parse().expect("a number");
        match name {
            "payload" => limits.max_payload = number,
            "pending" => limits.max_pending_calls = number,
            "running" => {
                limits.max_concurrent_handlers = number;
                limits.max_read_pause = std::time::Duration::ZERO;
            }
            "abandoned" => limits.max_unanswered_cancels = number,
            other => panic!("{other} is no limit"),
        }
    }
    limits
}

/// Plays a script to a subject with the script's [`limits`].
pub(crate) async fn check(about: &str, script: &str, mut subject: impl Subject) {
    let mut names = Names::default();
    let mut has_ended = false;
    for line in script.lines() {
        let at = format!("{about}: {}", line.trim());
        let words: Vec<_> = line.split_whitespace().collect();
        match &words[..] {
            [] | ["limit", ..] => {}
            [">", "end"] => subject.end().await,
            [">", packet @ ..] => subject.receive(&names.bytes(packet)).await,
            ["<", expected @ ..] => {
                let sent = subject.sent().await;
                let sent = sent.unwrap_or_else(|| panic!("{at}: nothing is sent"));
                assert!(names.is(expected, &sent), "{at}: {}", in_hex(&sent));
            }
            ["call", name, method, params] => {
                let (method, params) = (names.data(method), names.data(params));
                subject.call(name, method, params).await;
            }
            ["drop", name] => subject.drop_call(name).await,
            ["!", "ended", why @ ..] => {
                let said = subject.ended().await;
                assert!(said.contains(&why.join(" ")), "{at}: {said}");
                let sent = subject.sent().await;
                assert!(
                    sent.is_none(),
                    "{at}: {}",
                    in_hex(&sent.unwrap_or_default())
                );
                has_ended = true;
            }
            ["!", name, expected @ ..] => {
                assert_eq!(subject.answer(name).await, expected.join(" "), "{at}");
            }
            act => subject.act(act).await,
        }
    }
    if !has_ended {
        let alive = names.bytes(&["request", "4294967295", "echo", "alive"]);
        subject.receive(&alive).await;
        let sent = subject.sent().await.unwrap_or_default();
        let expected = names.bytes(&["response", "4294967295", "0", "alive"]);
        let sent = in_hex(&sent);
        assert_eq!(sent, in_hex(&expected), "{about}: at the end");
    }
    subject.finish().await;
}

pub(crate) fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}

/// A service error, as text.
pub(crate) fn error(error: &chirp::packet::ErrorData) -> String {
    let data = in_hex(&error.data);
    let pieces = [error.message.as_str(), data.as_str()];
    let pieces = pieces.map(|piece| if piece.is_empty() { "_" } else { piece });
    format!("error {} {}", error.code, pieces.join(" "))
}
