use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chirp::reflect::{JsonCaller, JsonText, MethodDescription, ValueDescription};
use chirp::{AsCaller, CallError, Caller, Endpoint, Peer, Receiver};
use clap::Args;
use tokio::io::AsyncWriteExt;

use crate::arguments::{ARGUMENT_HELP, ArgumentList, PreparedArguments, Uploads};
use crate::call_failure;
use crate::connection::{self, ConnectOptions};
use crate::duration;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::hex;
use crate::interrupt::interrupted;
use crate::json_format;
use crate::output;
use crate::reflection;

/// The time limit of a call without streams, unless another one is set.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for telling the other side that a call is over, and for sending what is left.
const GOODBYE: Duration = Duration::from_secs(1);

/// The length of a result up to which an empty pipe takes it at once. Longer results are written by a thread, so that
/// Ctrl-C works while the reader of the pipe does not read.
const MAX_DIRECT: usize = 60 << 10;

/// The bytes of items that are collected before they are written, if more items are at hand.
const MAX_BATCH: usize = 256 << 10;

/// Call a method, and print its result as JSON
///
/// The result is printed on one line, and a stream as a line for each item. Bytes go to a pipe as they are, and to a terminal in
/// base64. Ctrl-C cancels the call.
#[derive(Args, Debug)]
#[command(after_help = ARGUMENT_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(crate) struct Call {
    /// The target
    address: String,
    /// The name of the method, such as Arith.sum
    method: String,
    /// The arguments: name=text, name:=json, name@file, or JSON for all of them (see below)
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<String>,
    /// Time limit of the call, such as 500ms, or none; without this, 30s, and none for streams
    #[arg(long, value_name = "TIME", value_parser = parse_limit)]
    timeout: Option<Limit>,
    /// Metadata of the call; can be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_entry)]
    metadata: Vec<(String, String)>,
    /// Print JSON on several lines
    #[arg(long)]
    pretty: bool,
    /// Print errors as JSON, one line on standard error
    #[arg(long)]
    json_errors: bool,
    /// Send these bytes, in hexadecimal, and print those of the result: works without reflection
    #[arg(long, value_name = "HEX", conflicts_with_all = ["arguments", "pretty"], value_parser = hex::decode)]
    raw: Option<Bytes>,
    /// With --raw, or to a program that speaks JSON-RPC: do not wait for a result
    #[arg(long)]
    one_way: bool,
    /// To a program that speaks JSON-RPC: print the items of a stream
    #[arg(long, conflicts_with_all = ["raw", "one_way"])]
    stream: bool,
    #[command(flatten)]
    connect: ConnectOptions,
}

/// A time limit, which may be none.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<Duration>);

impl Call {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let is_json = self.json_errors;
        self.call()
            .await
            .map_err(|failure| failure.in_json(is_json))
    }

    async fn call(mut self) -> Result<ExitCode, Failure> {
        // Mistakes that need no connection are reported without one.
        let words = std::mem::take(&mut self.arguments);
        let arguments = ArgumentList::parse(&words)?;
        let mut connected = None;
        let result = tokio::select! {
            result = self.connect_and_call(arguments, &mut connected) => result,
            () = interrupted() => Err(Failure::quiet(ExitCode::Interrupted)),
        };
        // Dropping the call has cancelled it; the cancel must leave this process, too.
        if let Some(peer) = &connected {
            let is_interrupted =
                matches!(&result, Err(failure) if failure.code() == ExitCode::Interrupted);
            if is_interrupted {
                peer.shutdown(GOODBYE / 4).await;
            } else if matches!(
                peer.remote(),
                Some(Endpoint::Tls { .. } | Endpoint::Other(_))
            ) {
                // Without this, the other side would see a connection that was cut.
                peer.close();
                let _ = tokio::time::timeout(GOODBYE, peer.closed()).await;
            }
        }
        result
    }

    async fn connect_and_call(
        &self,
        arguments: ArgumentList,
        connected: &mut Option<Peer>,
    ) -> Result<ExitCode, Failure> {
        let peer = &*connected.insert(self.connect.connect(&self.address).await?);
        let entries = self.metadata.iter();
        let caller = entries.fold(peer.as_caller(), |caller, (key, value)| {
            caller.with_metadata(key, value)
        });
        if self.one_way && self.raw.is_none() && !connection::is_json_rpc(&self.address) {
            return Err(Failure::usage(
                "--one-way needs --raw: the target says whether a method is one-way",
            ));
        }
        if self.stream && !connection::is_json_rpc(&self.address) {
            return Err(Failure::usage(
                "--stream is for programs that speak JSON-RPC: other targets say whether a result is a stream",
            ));
        }
        if let Some(params) = &self.raw {
            return self.call_raw(peer, &caller, params.clone()).await;
        }
        let limit = self.limit(false).unwrap_or(DEFAULT_TIMEOUT);
        let description = if connection::is_json_rpc(&self.address) {
            reflection::undescribed(&self.method, arguments.names(), self.stream)
        } else {
            let description = reflection::describe_within(peer, &self.method, limit).await;
            description.map_err(|failure| failure.hint("or send bytes with --raw HEX"))?
        };
        let Some(method) = description.method(&self.method) else {
            return Err(reflection::missing_method(peer, &self.method).await);
        };
        let arguments = arguments.read(method, &description.types).await?;
        let caller = JsonCaller::new(&caller);
        let printer = Printer::new(
            self.pretty,
            method.items.as_ref().or(method.result.as_ref()),
        );
        if method.one_way || self.one_way {
            return self.call_one_way(peer, &caller, arguments).await;
        }
        if method.items.is_some() {
            return self.call_stream(&caller, method, arguments, &printer).await;
        }
        let limit = self.limit(arguments.has_streams());
        let (arguments, mut uploads) = arguments.start().await?;
        let call = caller.call(&self.method, arguments);
        let call = match limit {
            Some(limit) => call.timeout(limit),
            None => call,
        };
        match call.await {
            Ok(result) => {
                uploads.finish();
                printer.print(&result).await?;
                Ok(ExitCode::Success)
            }
            Err(error) => Err(self.failure(&error, &mut uploads).await),
        }
    }

    /// A stream that cannot be read is the reason of the call's error, not its consequence.
    async fn failure(&self, error: &CallError, uploads: &mut Uploads) -> Failure {
        match uploads.failure().await {
            Some(failure) => failure,
            None => call_failure::of_call(&self.method, error),
        }
    }

    async fn call_one_way(
        &self,
        peer: &Peer,
        caller: &JsonCaller,
        arguments: PreparedArguments,
    ) -> Result<ExitCode, Failure> {
        let (arguments, mut uploads) = arguments.start().await?;
        let sent = caller.call_one_way(&self.method, arguments).await;
        if let Err(error) = sent {
            return Err(self.failure(&error, &mut uploads).await);
        }
        if let Some(failure) = uploads.wait().await {
            return Err(failure);
        }
        peer.shutdown(GOODBYE).await;
        Ok(ExitCode::Success)
    }

    async fn call_stream(
        &self,
        caller: &JsonCaller,
        method: &MethodDescription,
        arguments: PreparedArguments,
        printer: &Printer,
    ) -> Result<ExitCode, Failure> {
        let (arguments, mut uploads) = arguments.start().await?;
        let call = caller.stream(&method.name, arguments);
        let call = match self.limit(true) {
            Some(limit) => call.timeout(limit),
            None => call,
        };
        let mut items = match call.await {
            Ok(items) => items,
            Err(error) => return Err(self.failure(&error, &mut uploads).await),
        };
        match printer.print_all(&mut items, &self.method).await {
            Ok(()) => Ok(ExitCode::Success),
            Err(failure) => Err(uploads.failure().await.unwrap_or(failure)),
        }
    }

    async fn call_raw(
        &self,
        peer: &Peer,
        caller: &Caller,
        params: Bytes,
    ) -> Result<ExitCode, Failure> {
        let failure = |error: &CallError| call_failure::of_call(&self.method, error);
        if self.one_way {
            let sent = caller.call_one_way(self.method.clone(), params).await;
            sent.map_err(|error| failure(&error))?;
            peer.shutdown(GOODBYE).await;
            return Ok(ExitCode::Success);
        }
        let call = caller.call(self.method.clone(), params);
        let call = match self.limit(false) {
            Some(limit) => call.timeout(limit),
            None => call,
        };
        let result = call.await.map_err(|error| failure(&error))?;
        output::line(&hex::encode(&result))?;
        Ok(ExitCode::Success)
    }

    fn limit(&self, has_streams: bool) -> Option<Duration> {
        match self.timeout {
            Some(Limit(limit)) => limit,
            None if has_streams => None,
            None => Some(DEFAULT_TIMEOUT),
        }
    }
}

/// Prints results and items.
struct Printer {
    is_pretty: bool,
    is_terminal: bool,
    /// Whether values are bytes. Bytes are written to a pipe without an encoding.
    is_bytes: bool,
}

impl Printer {
    fn new(is_pretty: bool, value: Option<&ValueDescription>) -> Self {
        Self {
            is_pretty,
            is_terminal: output::is_terminal(),
            is_bytes: value.is_some_and(ValueDescription::is_bytes),
        }
    }

    async fn print(&self, value: &JsonText) -> Result<(), Failure> {
        let bytes = self.format(value);
        if bytes.len() <= MAX_DIRECT {
            return output::write(&bytes);
        }
        write_all(&mut tokio::io::stdout(), &bytes).await
    }

    /// Prints the items of a stream as they arrive.
    async fn print_all(&self, items: &mut Receiver<JsonText>, method: &str) -> Result<(), Failure> {
        // A pipe may be full for as long as its reader likes, which must not stop the connection or Ctrl-C.
        let mut stdout = tokio::io::stdout();
        let mut has_items = false;
        let mut batch = Vec::new();
        loop {
            let mut next = items.recv().await;
            let end = loop {
                match next {
                    Some(Ok(item)) => batch.extend_from_slice(&self.format(&item)),
                    Some(Err(error)) => break Some(Err(error)),
                    None => break Some(Ok(())),
                }
                if batch.len() > MAX_BATCH {
                    break None;
                }
                next = match items.try_recv() {
                    Ok(item) => Some(item),
                    Err(chirp::TryRecvError::Disconnected) => None,
                    Err(_) => break None,
                };
            };
            if !batch.is_empty() {
                has_items = true;
                write_all(&mut stdout, &batch).await?;
                batch.clear();
            }
            match end {
                None => {}
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(call_failure::of_stream(method, &error, has_items)),
            }
        }
    }

    /// Returns a value as it is printed, with a line feed unless it is bytes for a pipe.
    fn format(&self, value: &JsonText) -> Vec<u8> {
        if self.is_bytes && !self.is_terminal {
            let text: Option<String> = value.to().ok();
            if let Some(bytes) = text.and_then(|text| STANDARD.decode(text).ok()) {
                return bytes;
            }
        }
        let format = if self.is_pretty {
            json_format::pretty
        } else {
            json_format::compact
        };
        let mut line = format(value.as_str(), self.is_terminal).into_bytes();
        line.push(b'\n');
        line
    }
}

async fn write_all(stdout: &mut tokio::io::Stdout, bytes: &[u8]) -> Result<(), Failure> {
    let written: io::Result<()> = async {
        stdout.write_all(bytes).await?;
        stdout.flush().await
    }
    .await;
    written.map_err(|error| Failure::output(&error))
}

fn parse_limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        text => duration::parse(text)
            .map(|time| Limit(Some(time)))
            .map_err(|error| format!("{error}; for no limit, write none")),
    }
}

fn parse_entry(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("metadata is written as key=value".to_owned()),
    }
}
