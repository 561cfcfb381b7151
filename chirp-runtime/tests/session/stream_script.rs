use bytes::Bytes;
use chirp_runtime::packet::{ErrorData, Payload, ResultCode};
use chirp_runtime::session::{NotSent, StreamEvent};

use crate::script::{Said, Stage};
use crate::stream_words::{ending_words, not_sent_words, spec, spec_word};
use crate::words::{bytes, word};

/// The steps and effects of streams, for the scripts of `script.rs`.
///
/// ```text
/// stream-call NAME METHOD DATA STREAM=result STREAM=send.bound STREAM=receive ...
/// send STREAM ITEM            begin STREAM            finish-stream STREAM      fail STREAM TEXT
/// drop-sender STREAM          drop-receiver STREAM    consumed STREAM LENGTH    claim CARRIER STREAM...
/// respond-with RUN DATA STREAM=send ...               send-with STREAM ITEM STREAM=send ...
/// ! opened CARRIER STREAM=receive.bound ...           ! items STREAM ITEM...    ! begun STREAM
/// ! ready STREAM              ! ended STREAM HOW      ! not-sent STREAM WHY     ! unsupported NAME
/// ```
impl Stage {
    /// Takes a step that concerns streams. Returns `false` for other steps.
    pub(crate) fn stream_step(&mut self, words: &[&str]) -> bool {
        match words {
            ["stream-call", name, method, data, opens @ ..] => {
                let specs: Vec<_> = opens.iter().map(|word| spec(word).1).collect();
                let params = &mut Payload::from(bytes(data));
                let method = Bytes::from(bytes(method));
                match self.session.call_with(&method, params, None, &specs) {
                    Ok((call, keys)) => {
                        self.calls.insert((*name).to_owned(), call);
                        for (word, key) in opens.iter().zip(keys) {
                            self.streams.insert(spec(word).0.to_owned(), key);
                        }
                    }
                    Err(refused) => self.said.push_back(Said::Refused(refused)),
                }
            }
            ["send", stream, item] => {
                let sent = self
                    .session
                    .send_item(self.streams[*stream], &mut bytes(item).into());
                self.not_sent(stream, sent.err());
            }
            ["send-with", stream, item, opens @ ..] => {
                let specs: Vec<_> = opens.iter().map(|word| spec(word).1).collect();
                let key = self.streams[*stream];
                let sent = self
                    .session
                    .send_item_with(key, &mut bytes(item).into(), &specs);
                match sent {
                    Ok(keys) => {
                        for (word, key) in opens.iter().zip(keys) {
                            self.streams.insert(spec(word).0.to_owned(), key);
                        }
                    }
                    Err(not_sent) => self.not_sent(stream, Some(not_sent)),
                }
            }
            ["respond-with", run, data, opens @ ..] => {
                let specs: Vec<_> = opens.iter().map(|word| spec(word).1).collect();
                let data = &mut Payload::from(bytes(data));
                let run = self.runs[*run];
                match self
                    .session
                    .respond_with(run, ResultCode::Success, data, &specs)
                {
                    Ok(keys) => {
                        for (word, key) in opens.iter().zip(keys) {
                            self.streams.insert(spec(word).0.to_owned(), key);
                        }
                    }
                    Err(refused) => self.said.push_back(Said::Refused(refused)),
                }
            }
            ["begin", stream] => self.session.begin_stream(self.streams[*stream]),
            ["finish-stream", stream] => self.session.finish_stream(self.streams[*stream]),
            ["fail", stream, text] => {
                let text = String::from_utf8(bytes(text)).expect("text");
                let error = ErrorData::from(text);
                self.session.fail_stream(self.streams[*stream], error);
            }
            ["drop-sender", stream] => self.session.drop_sender(self.streams[*stream]),
            ["drop-receiver", stream] => self.session.drop_receiver(self.streams[*stream]),
            ["consumed", stream, len] => {
                let len = len.parse().expect("a length");
                self.session.consumed(self.streams[*stream], 1, len);
            }
            ["claim", carrier, streams @ ..] => {
                let keys: Vec<_> = streams.iter().map(|name| self.streams[*name]).collect();
                let carrier = self.carriers[*carrier];
                if !self.session.claim_streams(carrier, &keys) {
                    self.said.push_back(Said::NothingToClaim);
                }
            }
            ["end-session"] => self.session.end(),
            _ => return false,
        }
        true
    }

    fn not_sent(&mut self, stream: &str, not_sent: Option<NotSent>) {
        if let Some(not_sent) = not_sent {
            let words = format!("not-sent {stream} {}", not_sent_words(not_sent));
            self.said.push_back(Said::NotSent(words));
        }
    }

    pub(crate) fn stream_count(&self, what: &str) -> Option<String> {
        let session = &self.session;
        Some(match what {
            "streams" => session.streams().to_string(),
            "held" => session.stream_bytes_held().to_string(),
            "queued" => session.stream_bytes_queued().to_string(),
            "windows" => session.stream_windows().to_string(),
            "wants-hello" => session.wants_hello().to_string(),
            _ => return None,
        })
    }

    /// The words for a stream event. New streams get the names that the script expects.
    pub(crate) fn describe_stream(&mut self, event: StreamEvent, expected: &[&str]) -> String {
        match event {
            StreamEvent::Opened(carrier, opened) => {
                let mut words = vec!["opened".to_owned()];
                let name = expected.get(1).copied().unwrap_or_default();
                self.carriers.insert(name.to_owned(), carrier);
                words.push(name.to_owned());
                for (at, opened) in opened.iter().enumerate() {
                    let name = expected.get(at + 2).copied().unwrap_or_default();
                    let name = name.split('=').next().unwrap_or_default();
                    self.streams.insert(name.to_owned(), opened.key);
                    let refused = if opened.refused { ".refused" } else { "" };
                    words.push(format!("{name}={}{refused}", spec_word(opened.spec)));
                }
                words.join(" ")
            }
            StreamEvent::Begun(key) => format!("begun {}", self.stream_name(key)),
            StreamEvent::Items(key, items) => {
                let items = items.map(|item| format!(" {}", word(&item)));
                let items: String = items.collect();
                format!("items {}{items}", self.stream_name(key))
            }
            StreamEvent::Ready(key) => format!("ready {}", self.stream_name(key)),
            StreamEvent::Ended(key, ending) => {
                format!("ended {} {}", self.stream_name(key), ending_words(&ending))
            }
            StreamEvent::Unsupported(call, _) => {
                let is_this = self.calls.iter().find(|(_, key)| **key == call);
                format!("unsupported {}", is_this.expect("a call").0)
            }
        }
    }

    fn stream_name(&self, key: chirp_runtime::session::StreamKey) -> String {
        let is_this = self.streams.iter().find(|(_, is)| **is == key);
        is_this.expect("a stream").0.clone()
    }
}
