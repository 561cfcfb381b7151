use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chirp::packet::{EndReason, StreamEntry, StreamId};
use chirp::record::{CaptureEvent, Origin};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::json_format;
use crate::output;
use crate::recorded::{CallTracker, Descriptions, PacketContents, RecordFile, RecordedPacket};
use crate::text;

/// The maximum length of a value on a line, in bytes.
const SHOWN: usize = 200;
/// The maximum number of items, streams or credits on a line.
const LISTED: usize = 4;

/// Show the packets of a record, one a line, with responses matched to requests
///
/// Reads files of `chirp record`, and captures of tcpdump and Wireshark (pcapng and pcap) with unencrypted connections.
/// Values are decoded if the record contains a description of the interface, or --description gives one.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The file, or - for standard input
    file: PathBuf,
    /// Print a JSON object for each packet, with whole values
    #[arg(long)]
    json: bool,
    /// Show only packets of calls to this method
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Show only this connection
    #[arg(long, value_name = "NUMBER")]
    connection: Option<u64>,
    /// A description that was saved with `chirp ls --save`
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
}

impl Show {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let mut descriptions = Descriptions::collect(&self.file, self.description.as_deref())?;
        let mut file = RecordFile::open(&self.file)?;
        let mut calls = CallTracker::default();
        let mut out = BufWriter::new(io::stdout().lock());
        let mut begin = None;
        while let Some(event) = file.next()? {
            let time = *begin.get_or_insert_with(|| time_of(&event));
            let line = match event {
                CaptureEvent::Packet { connection, packet } => {
                    let packet = calls.packet(connection, packet);
                    descriptions.note(packet.method.as_deref(), &packet.contents);
                    if !self.wants(&packet) {
                        continue;
                    }
                    if self.json {
                        object(&packet, &descriptions)
                    } else {
                        line(&packet, time, &descriptions)
                    }
                }
                event => {
                    let number = connection_of(&event);
                    let is_wanted = self.connection.is_none_or(|wanted| wanted == number);
                    if self.method.is_some() || !is_wanted {
                        continue;
                    }
                    other(&event, time, self.json)
                }
            };
            let written = writeln!(out, "{line}");
            written.map_err(|error| Failure::output(&error))?;
        }
        out.flush().map_err(|error| Failure::output(&error))?;
        let summary = file.summary();
        if summary.is_truncated {
            let name = file.name();
            output::print_error(&format!("note: {name} ends in the middle of a packet"));
        }
        if summary.connections == 0 && summary.frames > 0 {
            let (name, frames) = (file.name(), summary.frames);
            output::print_error(&format!(
                "note: none of the {frames} frames in {name} belongs to a Chirp connection"
            ));
        } else if summary.other_connections > 0 {
            let (name, others) = (file.name(), summary.other_connections);
            output::print_error(&format!(
                "note: {others} of the connections in {name} did not carry Chirp, and are not shown"
            ));
        } else if summary.frames == 0 {
            output::print_error(&format!("note: {} is empty", file.name()));
        }
        Ok(ExitCode::Success)
    }

    fn wants(&self, packet: &RecordedPacket) -> bool {
        let method = self.method.as_deref();
        self.connection
            .is_none_or(|wanted| wanted == packet.connection)
            && method.is_none_or(|wanted| packet.method.as_deref() == Some(wanted))
    }
}

fn time_of(event: &CaptureEvent) -> Duration {
    match event {
        CaptureEvent::Packet { packet, .. } => packet.time,
        CaptureEvent::Opened { time, .. }
        | CaptureEvent::Gap { time, .. }
        | CaptureEvent::Ended { time, .. } => *time,
        _ => Duration::ZERO,
    }
}

fn connection_of(event: &CaptureEvent) -> u64 {
    match event {
        CaptureEvent::Packet { connection, .. }
        | CaptureEvent::Opened { connection, .. }
        | CaptureEvent::Gap { connection, .. }
        | CaptureEvent::Ended { connection, .. } => *connection,
        _ => 0,
    }
}

/// The time since the first packet, the connection, and the direction: `>` is from the client.
fn prefix(time: Duration, begin: Duration, connection: u64, origin: Origin) -> String {
    let time = time.saturating_sub(begin);
    let arrow = match origin {
        Origin::Client => '>',
        Origin::Server => '<',
    };
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    format!("{seconds:4}.{nanos:09} {connection} {arrow} ")
}

fn line(packet: &RecordedPacket, begin: Duration, descriptions: &Descriptions) -> String {
    let mut out = prefix(packet.time, begin, packet.connection, packet.origin);
    // Writing to a string cannot fail.
    let _ = write!(out, "{}", packet.kind);
    if let Some(id) = packet.id {
        let _ = write!(out, " {id}");
    }
    let method = packet.method.as_deref();
    if let Some(method) = method {
        let _ = write!(out, " {}", text::one_line(method));
    }
    match &packet.contents {
        PacketContents::Request(params) | PacketContents::OneWay(params) => {
            let decoded = method.and_then(|method| descriptions.arguments(method, params));
            push_value(&mut out, decoded, params);
        }
        PacketContents::Success(data) => {
            out.push_str(" success");
            let decoded = method.and_then(|method| descriptions.result(method, data));
            push_value(&mut out, decoded, data);
        }
        PacketContents::Failure(code, None) => {
            let _ = write!(out, " {code}");
        }
        PacketContents::Failure(_, Some(error)) => {
            let (name, data) = descriptions.error(method, error);
            let name = name.unwrap_or_else(|| error.code.to_string());
            let message = text::one_line(cut(&error.message));
            let _ = write!(out, " error {name} \"{message}\"");
            if name.parse::<u16>().is_ok() || data.is_some() {
                push_value(&mut out, data, &error.data);
            }
        }
        PacketContents::Cancel | PacketContents::GoingAway => {}
        PacketContents::Context(info) => {
            if let Some(time) = info.time {
                let _ = write!(out, " deadline {time:?}");
            }
            if info.trace.is_some() {
                out.push_str(" trace");
            }
            for (key, value) in info.metadata.iter().take(LISTED) {
                let value = String::from_utf8_lossy(value);
                let (key, value) = (text::one_line(key), text::one_line(cut(&value)));
                let _ = write!(out, " {key}=\"{value}\"");
            }
        }
        PacketContents::Open(entries) => {
            for entry in entries.iter().take(LISTED) {
                let _ = write!(out, " {}", opened(*entry));
            }
        }
        PacketContents::Items {
            stream,
            argument,
            codec,
            items,
        } => {
            let _ = write!(out, " {}, {} items:", shown(*stream), items.len());
            for item in items.iter().take(LISTED) {
                let decoded =
                    method.and_then(|method| descriptions.item(method, *argument, *codec, item));
                push_value(&mut out, decoded, item);
            }
            if items.len() > LISTED {
                out.push_str(" ...");
            }
        }
        PacketContents::Credit(entries) => {
            for (stream, bytes) in entries.iter().take(LISTED) {
                let _ = write!(out, " {} +{bytes}", shown(*stream));
            }
        }
        PacketContents::End(end) => {
            let (stream, reason) = (shown(end.id), reason(end.reason));
            let _ = write!(out, " {stream} {reason} after {} items", end.items);
            if !end.error.is_empty() {
                let message = text::one_line(cut(&end.error.message));
                let _ = write!(out, ": error {} \"{message}\"", end.error.code);
            }
        }
        PacketContents::Other(payload) => push_value(&mut out, None, payload),
        PacketContents::Incomplete(missing) => {
            let _ = write!(out, ", {missing} of {} bytes are missing", packet.length);
        }
        PacketContents::Malformed => out.push_str(", malformed"),
    }
    if let Some(duration) = packet.duration {
        let _ = write!(out, " ({:.3} ms)", duration.as_secs_f64() * 1000.0);
    }
    out
}

/// Appends a value: in JSON if it could be decoded, and otherwise its bytes.
fn push_value(out: &mut String, decoded: Option<String>, bytes: &[u8]) {
    let value = match decoded {
        Some(json) => json_format::compact(&json, true),
        None if bytes.is_empty() => return,
        None => format!("\"{}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii()),
    };
    out.push(' ');
    out.push_str(cut(&value));
    if value.len() > SHOWN {
        let _ = write!(out, "... ({} bytes)", bytes.len());
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

fn shown(stream: StreamId) -> String {
    let whose = if stream.is_of_sender() {
        "own"
    } else {
        "other's"
    };
    format!("{whose} {}", stream.number())
}

fn opened(entry: StreamEntry) -> String {
    let way = if entry.to_opener { "to" } else { "from" };
    let result = if entry.result { " (result)" } else { "" };
    format!("{} {way} opener{result}", entry.number)
}

fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Finished => "finished",
        EndReason::Failed => "failed",
        EndReason::Cancelled => "cancelled",
        EndReason::Refused => "refused",
    }
}

fn side(origin: Origin) -> &'static str {
    match origin {
        Origin::Client => "client",
        Origin::Server => "server",
    }
}

/// A line about a connection.
fn other(event: &CaptureEvent, begin: Duration, as_json: bool) -> String {
    if as_json {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        put("connection", connection_of(event).into());
        put("time", nanoseconds(time_of(event)).into());
        let kind = match event {
            CaptureEvent::Opened {
                client,
                server,
                comment,
                ..
            } => {
                put("client", client.to_string().into());
                put("server", server.to_string().into());
                put("comment", comment.as_str().into());
                "opened"
            }
            CaptureEvent::Gap { origin, bytes, .. } => {
                put("from", side(*origin).into());
                put("bytes", (*bytes).into());
                "gap"
            }
            CaptureEvent::Ended {
                origin, is_reset, ..
            } => {
                put("from", side(*origin).into());
                put("reset", (*is_reset).into());
                "ended"
            }
            _ => "other",
        };
        put("event", kind.into());
        return Value::Object(fields).to_string();
    }
    match event {
        CaptureEvent::Opened {
            connection,
            time,
            client,
            server,
            comment,
        } => {
            let comment = match text::one_line(comment) {
                comment if comment.is_empty() => format!("client: {client}; server: {server}"),
                comment => comment,
            };
            let prefix = prefix(*time, begin, *connection, Origin::Client);
            format!("{prefix}connection {connection}: {comment}")
        }
        CaptureEvent::Gap {
            connection,
            time,
            origin,
            bytes,
        } => {
            let prefix = prefix(*time, begin, *connection, *origin);
            format!("{prefix}{bytes} bytes are missing from the record")
        }
        CaptureEvent::Ended {
            connection,
            time,
            origin,
            is_reset,
        } => {
            let prefix = prefix(*time, begin, *connection, *origin);
            let how = if *is_reset { "broke off" } else { "ended" };
            format!("{prefix}the {} {how}", side(*origin))
        }
        _ => String::new(),
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A packet as a JSON object. Bytes that could not be decoded are in base64.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of packet")]
fn object(packet: &RecordedPacket, descriptions: &Descriptions) -> String {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("connection", packet.connection.into());
    put("time", nanoseconds(packet.time).into());
    put("from", side(packet.origin).into());
    put("packet", packet.kind.to_string().into());
    if let Some(id) = packet.id {
        put("id", id.into());
    }
    let method = packet.method.as_deref();
    if let Some(method) = method {
        put("method", method.into());
    }
    if let Some(duration) = packet.duration {
        put("duration", nanoseconds(duration).into());
    }
    // Values are appended as they are written, so that no digit is lost.
    let mut values = String::new();
    let mut push = |name: &str, decoded: Option<String>, bytes: &[u8]| match decoded {
        Some(json) => {
            let _ = write!(values, ",\"{name}\":{}", json_format::compact(&json, false));
        }
        None => {
            let _ = write!(values, ",\"{name}_base64\":\"{}\"", STANDARD.encode(bytes));
        }
    };
    match &packet.contents {
        PacketContents::Request(params) | PacketContents::OneWay(params) => {
            let decoded = method.and_then(|method| descriptions.arguments(method, params));
            push("arguments", decoded, params);
        }
        PacketContents::Success(data) => {
            put("code", "success".into());
            let decoded = method.and_then(|method| descriptions.result(method, data));
            push("result", decoded, data);
        }
        PacketContents::Failure(code, error) => {
            put("code", code.to_string().into());
            if let Some(error) = error {
                let (name, data) = descriptions.error(method, error);
                put("error_code", error.code.into());
                put("message", error.message.clone().into());
                if let Some(name) = name {
                    put("error", name.into());
                }
                if !error.data.is_empty() {
                    push("data", data, &error.data);
                }
            }
        }
        PacketContents::Cancel | PacketContents::GoingAway => {}
        PacketContents::Context(info) => {
            if let Some(time) = info.time {
                put("deadline", nanoseconds(time).into());
            }
            let metadata = info.metadata.iter().map(|(key, value)| {
                let value = String::from_utf8_lossy(value).into_owned();
                json!([key, value])
            });
            put("metadata", metadata.collect());
        }
        PacketContents::Open(entries) => {
            let streams = entries.iter().map(|entry| {
                json!({
                    "stream": entry.number, "to_opener": entry.to_opener, "bound": entry.bound,
                    "result": entry.result, "codec": entry.codec, "window": entry.window,
                })
            });
            put("streams", streams.collect());
        }
        PacketContents::Items {
            stream,
            argument,
            codec,
            items,
        } => {
            put("stream", shown(*stream).into());
            let mut list = String::from("[");
            for item in items {
                let comma = if list.len() > 1 { "," } else { "" };
                let decoded =
                    method.and_then(|method| descriptions.item(method, *argument, *codec, item));
                let item = decoded.unwrap_or_else(|| format!("\"{}\"", STANDARD.encode(item)));
                let _ = write!(list, "{comma}{item}");
            }
            list.push(']');
            push("items", Some(list), &[]);
        }
        PacketContents::Credit(entries) => {
            let credit = entries
                .iter()
                .map(|(stream, bytes)| json!({ "stream": shown(*stream), "bytes": bytes }));
            put("credit", credit.collect());
        }
        PacketContents::End(end) => {
            put("stream", shown(end.id).into());
            put("reason", reason(end.reason).into());
            put("count", end.items.into());
            if !end.error.is_empty() {
                put("error_code", end.error.code.into());
                put("message", end.error.message.clone().into());
            }
        }
        PacketContents::Other(payload) => push("payload", None, payload),
        PacketContents::Incomplete(missing) => put("missing", (*missing).into()),
        PacketContents::Malformed => put("malformed", true.into()),
    }
    let mut object = Value::Object(fields).to_string();
    if !values.is_empty() {
        object.pop();
        object.push_str(&values);
        object.push('}');
    }
    object
}
