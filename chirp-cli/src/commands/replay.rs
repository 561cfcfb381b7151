use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError, RESERVED_PREFIX, ResultCode};
use chirp::record::CaptureEvent;
use clap::Args;

use crate::connection::{self, ConnectOptions};
use crate::duration;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output;
use crate::recorded::{CallTracker, Descriptions, RecordFile, RecordedCall};
use crate::replaying::{Comparison, REPLAYED, ReplaySession, difference};
use crate::text;

/// The maximum length of a value in the report, in bytes.
const SHOWN: usize = 400;
/// The maximum number of bytes of a record that is replayed.
const MAX_RECORD: u64 = 1 << 30;

/// Send the calls of a record again, and compare the answers
///
/// The calls that clients made are sent to the target one after another, in the recorded order, with their metadata and
/// the items of their streams. Calls of the target back to its caller are answered from the record, by method and order.
/// Answers are the same if their bytes are, or if they are the same in JSON where the record contains a description.
/// Calls that were cancelled, timed out or have no answer are left out, and without --all everything that is not known
/// to be idempotent. Exit code 1 if an answer differs.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The record
    file: PathBuf,
    /// The target
    address: String,
    /// Send one-way calls too, and calls of methods that are not known to be idempotent
    #[arg(long)]
    all: bool,
    /// A part of results, items and error data that may differ, such as `time` or `rows.*.id`; can be repeated
    #[arg(long, value_name = "PATH")]
    ignore: Vec<String>,
    /// Send only calls of this method; can be repeated
    #[arg(long, value_name = "NAME")]
    method: Vec<String>,
    /// Time limit for each call
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    /// A description that was saved with `chirp ls --save`
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    #[command(flatten)]
    connect: ConnectOptions,
}

/// The numbers of a replay.
#[derive(Default)]
struct ReplayCounts {
    same: u64,
    different: u64,
    /// The calls that were left out, by reason.
    left_out: BTreeMap<&'static str, u64>,
}

impl Replay {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let descriptions = Descriptions::collect(&self.file, self.description.as_deref())?;
        let calls = self.read()?;
        let mut counts = ReplayCounts::default();
        let result = unless_interrupted(self.replay(&calls, &descriptions, &mut counts)).await;
        let ReplayCounts {
            same, different, ..
        } = counts;
        let all = same + different;
        let mut summary = format!("{all} calls: {same} same, {different} different");
        for (reason, count) in &counts.left_out {
            // Writing to a string cannot fail.
            let _ = write!(summary, "\nleft out: {count} {reason}");
        }
        output::line(&summary)?;
        result?;
        Ok(if counts.different > 0 {
            ExitCode::Failed
        } else {
            ExitCode::Success
        })
    }

    /// Reads the calls of the record.
    fn read(&self) -> Result<Vec<RecordedCall>, Failure> {
        let mut file = RecordFile::open(&self.file)?;
        let mut calls = CallTracker::keeping();
        let mut bytes = 0;
        while let Some(event) = file.next()? {
            if let CaptureEvent::Packet { connection, packet } = event {
                bytes += packet.payload.len() as u64;
                if bytes > MAX_RECORD {
                    let name = file.name();
                    return Err(Failure::usage(format!(
                        "{name} holds more than 1 GiB of packets: record less, or cut it with Wireshark's editcap"
                    )));
                }
                calls.packet(connection, packet);
            }
        }
        if file.summary().connections == 0 {
            return Err(Failure::usage(format!("{} contains no calls", file.name())));
        }
        Ok(calls.into_calls())
    }

    async fn replay(
        &self,
        calls: &[RecordedCall],
        descriptions: &Descriptions,
        counts: &mut ReplayCounts,
    ) -> Result<(), Failure> {
        let endpoint = connection::parse(&self.address)?;
        let paths = self.ignore.iter();
        let comparison = Comparison {
            descriptions,
            ignored: paths
                .map(|path| path.split('.').map(str::to_owned).collect())
                .collect(),
        };
        let mut connections: BTreeMap<u64, Vec<&RecordedCall>> = BTreeMap::new();
        for call in calls.iter().filter(|call| call.caller == REPLAYED) {
            let method = String::from_utf8_lossy(&call.method);
            if method.starts_with(RESERVED_PREFIX)
                || !(self.method.is_empty() || self.method.iter().any(|wanted| *wanted == *method))
            {
                continue;
            }
            match self.reason_to_leave_out(call, descriptions) {
                Some(reason) => *counts.left_out.entry(reason).or_default() += 1,
                None => connections.entry(call.connection).or_default().push(call),
            }
        }
        for (connection, chosen) in connections {
            let channel = self.connect.connect_channel(&endpoint).await?;
            let callbacks = callbacks(calls, connection);
            let mut session = ReplaySession::begin(channel, callbacks).await?;
            for call in chosen {
                let method = String::from_utf8_lossy(&call.method);
                let answer = tokio::time::timeout(self.timeout, session.call(call)).await;
                let answer = answer.map_err(|_| {
                    let (limit, method) = (self.timeout, text::one_line(&method));
                    let message = format!("{method} has not been answered within {limit:?}");
                    Failure::new(ExitCode::TimedOut, message)
                })??;
                let Some(different) = difference(&comparison, call, &answer) else {
                    counts.same += 1;
                    continue;
                };
                counts.different += 1;
                let arguments = descriptions.arguments(&method, &call.params);
                let arguments =
                    arguments.unwrap_or_else(|| format!("({} bytes)", call.params.len()));
                output::line(&format!(
                    "different: {} {}\n  recorded: {}\n  now:      {}",
                    text::one_line(&method),
                    cut(&arguments),
                    cut(&different.recorded),
                    cut(&different.now)
                ))?;
            }
        }
        Ok(())
    }

    fn reason_to_leave_out(
        &self,
        call: &RecordedCall,
        descriptions: &Descriptions,
    ) -> Option<&'static str> {
        if call.is_one_way {
            return (!self.all).then_some("one-way calls (--all sends them)");
        }
        if call.is_cancelled {
            return Some("cancelled calls");
        }
        let Some((code, data)) = &call.outcome else {
            return Some("calls without an answer in the record");
        };
        let framework = || {
            let error = ErrorData::decode_lossy(data.clone()).ok()?;
            FrameworkError::from_error_data(&error)
        };
        match code {
            ResultCode::Cancelled => return Some("cancelled calls"),
            ResultCode::ServiceError if framework() == Some(FrameworkError::DeadlineExceeded) => {
                return Some("calls that took too long");
            }
            _ => {}
        }
        let mut sent = call.opened.iter().zip(&call.streams);
        if sent.any(|(entry, stream)| !entry.to_opener && !entry.bound && stream.end.is_none()) {
            return Some("calls whose streams have no end in the record");
        }
        let method = String::from_utf8_lossy(&call.method);
        let is_idempotent = descriptions
            .method(&method)
            .is_some_and(|(_, described)| described.idempotent);
        (!self.all && !is_idempotent)
            .then_some("calls of methods that are not known to be idempotent (--all sends them)")
    }
}

/// The recorded responses to the calls of the server of a connection, by method and in order.
fn callbacks(
    calls: &[RecordedCall],
    connection: u64,
) -> HashMap<Vec<u8>, VecDeque<(ResultCode, Bytes)>> {
    let mut callbacks: HashMap<_, VecDeque<_>> = HashMap::new();
    for call in calls {
        if call.connection == connection
            && call.caller != REPLAYED
            && let Some(outcome) = &call.outcome
        {
            let recorded = callbacks.entry(call.method.clone()).or_default();
            recorded.push_back(outcome.clone());
        }
    }
    callbacks
}

fn cut(value: &str) -> String {
    let shown = text::one_line(&value[..value.floor_char_boundary(SHOWN)]);
    if value.len() > SHOWN {
        format!("{shown}...")
    } else {
        shown
    }
}
