//! The listing of services: PING, INFO and STATS of NATS micro.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::{Message, Subscriber};
use serde::Serialize;

use super::endpoint::{Endpoint, ListedService};
use super::serving::{PhaseSignals, SharedServer, TakesMessages, receive};
use crate::connection::soon;

/// A service as it answers questions of NATS micro.
pub(super) struct MicroService {
    serving: Arc<SharedServer>,
    service: ListedService,
    version: String,
    started: String,
}

/// The kind of a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Ping,
    Info,
    Stats,
}

#[derive(Serialize)]
struct MicroResponse<'r> {
    r#type: &'static str,
    name: &'r str,
    id: &'r str,
    version: &'r str,
    metadata: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<ListedEndpoint<'r>>>,
}

#[derive(Serialize)]
struct ListedEndpoint<'r> {
    name: &'r str,
    subject: &'r str,
    queue_group: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'r BTreeMap<&'static str, String>>,
    #[serde(flatten)]
    stats: Option<EndpointStats>,
}

/// Times are in nanoseconds.
#[derive(Serialize)]
struct EndpointStats {
    num_requests: u64,
    num_errors: u64,
    last_error: String,
    processing_time: u64,
    average_processing_time: u64,
}

impl MicroService {
    pub(super) fn new(serving: &Arc<SharedServer>, service: ListedService, version: &str) -> Self {
        Self {
            serving: Arc::clone(serving),
            service,
            version: version.to_owned(),
            started: rfc3339(SystemTime::now()),
        }
    }

    /// The subjects of questions: about every service, those of this name, and this one.
    pub(super) fn subjects(&self) -> Vec<(String, Verb)> {
        let (name, id) = (&self.service.name, &self.serving.id);
        let verbs = [Verb::Ping, Verb::Info, Verb::Stats].into_iter();
        let subjects = verbs.flat_map(|verb| {
            let all = format!("$SRV.{}", verb.name());
            let named = format!("{all}.{name}");
            let own = format!("{named}.{id}");
            [all, named, own].map(|subject| (subject, verb))
        });
        subjects.collect()
    }

    /// Answers questions until the server ends.
    pub(super) async fn answer(
        self: Arc<Self>,
        verb: Verb,
        questions: Subscriber,
        signals: PhaseSignals,
    ) {
        let mut answers = Answers {
            service: self,
            verb,
        };
        receive(questions, signals, &mut answers).await;
    }

    fn response(&self, verb: Verb) -> MicroResponse<'_> {
        let endpoints = self.service.endpoints.iter();
        let endpoints = endpoints.map(|at| self.endpoint(&self.serving.endpoints[*at], verb));
        MicroResponse {
            r#type: match verb {
                Verb::Ping => "io.nats.micro.v1.ping_response",
                Verb::Info => "io.nats.micro.v1.info_response",
                Verb::Stats => "io.nats.micro.v1.stats_response",
            },
            name: &self.service.name,
            id: &self.serving.id,
            version: &self.version,
            metadata: BTreeMap::from([("framework", "chirp")]),
            description: matches!(verb, Verb::Info).then_some(&self.service.documentation),
            started: matches!(verb, Verb::Stats).then_some(&self.started),
            endpoints: (!matches!(verb, Verb::Ping)).then(|| endpoints.collect()),
        }
    }

    fn endpoint<'r>(&'r self, endpoint: &'r Endpoint, verb: Verb) -> ListedEndpoint<'r> {
        let numbers = &endpoint.numbers;
        let requests = numbers.requests();
        let stats = EndpointStats {
            num_requests: requests,
            num_errors: numbers.errors(),
            last_error: numbers.last_error(),
            processing_time: numbers.nanoseconds(),
            average_processing_time: numbers.nanoseconds().checked_div(requests).unwrap_or(0),
        };
        ListedEndpoint {
            name: &endpoint.name,
            subject: &endpoint.subject,
            queue_group: &self.serving.queue_group,
            metadata: matches!(verb, Verb::Info).then_some(&endpoint.metadata),
            stats: matches!(verb, Verb::Stats).then_some(stats),
        }
    }
}

/// The answers to questions of one kind.
struct Answers {
    service: Arc<MicroService>,
    verb: Verb,
}

impl TakesMessages for Answers {
    async fn take(&mut self, question: Message) {
        let Some(reply) = question.reply else { return };
        if !self.service.serving.may_answer(&reply) {
            tracing::warn!("a question of NATS micro has no answer: `{reply}` is no inbox");
            return;
        }
        let response = self.service.response(self.verb);
        let response = serde_json::to_vec(&response).unwrap_or_default();
        let client = &self.service.serving.link.client;
        // The question is repeated if it has no answer.
        let _ = soon(client.publish(reply, response.into())).await;
    }
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Info => "INFO",
            Self::Stats => "STATS",
        }
    }
}

/// Returns whether a text is a semantic version. The program `nats` shows no listing at all if one service has another version.
pub(super) fn is_version(text: &str) -> bool {
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    let (numbers, label) = match text.split_once('-') {
        Some((numbers, label)) => (numbers, Some(label)),
        None => (text, None),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let no_zeros = |part: &str| part == "0" || !part.starts_with('0');
    let mut count = 0;
    let numbers = numbers.split('.').all(|number| {
        count += 1;
        !number.is_empty() && is_digits(number) && no_zeros(number)
    });
    let is_label = |part: &str| is_part(part) && (!is_digits(part) || no_zeros(part));
    let label = label.is_none_or(|label| label.split('.').all(is_label));
    let build = build.is_none_or(|build| build.split('.').all(is_part));
    numbers && count == 3 && label && build
}

/// Writes a time as RFC 3339 has it, in UTC.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years of 400, 100, 4 and 1 years that begin in March, so that leap days are at their ends.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + carry;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let nanoseconds = since.subsec_nanos();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_077_926_399, "2004-02-27T23:59:59"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, 5);
            assert_eq!(rfc3339(time), format!("{text}.000000005Z"));
        }
    }

    #[test]
    fn versions_are_semantic() {
        for (text, valid) in [
            ("0.1.0", true),
            ("1.2.3-rc.1+build.5", true),
            ("10.20.30", true),
            ("1.2", false),
            ("1.2.3.4", false),
            ("01.2.3", false),
            ("1.2.x", false),
            ("1.2.3-", false),
            ("1.2.3+", false),
            ("1.2.3-a..b", false),
            ("1.2.3-a.", false),
            ("1.2.3-01", false),
            ("1.2.3-0.0a.-", true),
            ("1.2.3+01.a-b", true),
            ("1.2.3+a+b", false),
            ("1.2.3-a_b", false),
            ("1.2.3- a", false),
            ("", false),
        ] {
            assert_eq!(is_version(text), valid, "{text}");
        }
    }
}
