use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chirp::{AsCaller, MethodName, Peer};
use clap::Args;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::arguments::{ARGUMENT_HELP, ArgumentList};
use crate::connection::{self, ConnectOptions};
use crate::duration;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::hex;
use crate::interrupt::{interrupted, unless_interrupted};
use crate::load::{self, Loop, Report, Request, Results, Shared, Target, Window};
use crate::output;
use crate::reflection;
use crate::status_line::{StatusLine, bar};

/// The time limit of a call whose result is not a stream, unless another one is set.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The callers of a closed and of an open loop, unless another number is set.
const CLOSED_CALLERS: usize = 16;
const OPEN_CALLERS: usize = 1024;

/// The suffix of methods with values in JSON.
const JSON_SUFFIX: &str = ";json";

/// Measure the latency and the rate of a method
///
/// Without --rate, each caller makes its next call when it has the answer of the last one (closed loop). With --rate, calls are
/// due at fixed times (open loop), and count from the time at which they were due: a server that stalls is seen in the
/// percentiles, whatever waits for it. A call that times out counts with its time limit; other errors are counted by kind. Ctrl-C
/// prints what was measured until then.
#[derive(Args, Debug)]
#[command(after_help = ARGUMENT_HELP)]
pub(crate) struct Bench {
    /// The target
    address: String,
    /// The name of the method, such as Arith.sum
    method: String,
    /// The arguments: name=text, name:=json, name@file, or JSON for all of them (see below)
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<String>,
    /// Callers; with --rate, the largest number of calls in progress [default: 16, or 1024 with --rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    callers: Option<u32>,
    /// Connections, over which callers are spread
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Time of the measurement
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    seconds: Duration,
    /// Time before the measurement, in which calls are made and not measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse_any)]
    warm_up: Duration,
    /// Calls per second that are due (open loop)
    #[arg(long, value_name = "CALLS", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Time limit of each call [default: 10s; none for streams]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Send these bytes, in hexadecimal: works without reflection
    #[arg(long, value_name = "HEX", conflicts_with = "arguments", value_parser = hex::decode)]
    raw: Option<Bytes>,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Bench {
    pub(crate) async fn run(mut self) -> Result<ExitCode, Failure> {
        // Mistakes that need no connection are reported without one.
        let words = std::mem::take(&mut self.arguments);
        let arguments = ArgumentList::parse(&words)?;
        let (peers, targets) = unless_interrupted(self.prepare(arguments)).await?;
        let report = self.measure(&targets).await?;
        for peer in &peers {
            peer.close();
        }
        let text = if self.json {
            let mut json = serde_json::to_string(&report).map_err(Failure::usage)?;
            json.push('\n');
            json
        } else {
            report.text()
        };
        output::write(text.as_bytes())?;
        match &report.results {
            _ if report.interrupted => Ok(ExitCode::Interrupted),
            results if results.is_connection_lost => Ok(ExitCode::NoConnection),
            results if results.has_only_errors() => Ok(ExitCode::Failed),
            _ => Ok(ExitCode::Success),
        }
    }

    /// Connects, finds out how to call the method, and calls it once.
    async fn prepare(&self, arguments: ArgumentList) -> Result<(Vec<Peer>, Vec<Target>), Failure> {
        let mut peers = vec![self.connect.connect(&self.address).await?];
        let request = self.request(&peers[0], arguments).await?;
        for _ in 1..self.connections {
            peers.push(self.connect.connect(&self.address).await?);
        }
        let limit = match request {
            Request::Value { .. } => Some(self.timeout.unwrap_or(DEFAULT_TIMEOUT)),
            Request::Stream { .. } => self.timeout,
        };
        let targets = peers.iter().map(|peer| Target {
            caller: peer.as_caller(),
            request: request.clone(),
            limit,
        });
        let targets: Vec<_> = targets.collect();
        if let Err(failure) = targets[0].try_call().await {
            return Err(failure.explain(&self.method));
        }
        Ok((peers, targets))
    }

    async fn request(&self, peer: &Peer, arguments: ArgumentList) -> Result<Request, Failure> {
        if let Some(params) = &self.raw {
            return Ok(Request::Value {
                method: MethodName::from(self.method.clone()),
                params: params.clone(),
            });
        }
        let limit = self.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let description = if connection::is_json_rpc(&self.address) {
            reflection::undescribed(&self.method, arguments.names(), false)
        } else {
            let description = reflection::describe_within(peer, &self.method, limit).await;
            description.map_err(|failure| failure.hint("or send bytes with --raw HEX"))?
        };
        let Some(method) = description.method(&self.method) else {
            return Err(reflection::missing_method(peer, &self.method).await);
        };
        let arguments = arguments.read(method, &description.types).await?;
        if arguments.has_streams() {
            return Err(Failure::usage(format!(
                "{} takes a stream, which cannot be sent for each call",
                self.method
            )));
        }
        if method.one_way {
            return Err(Failure::usage(format!(
                "{} is one-way: there is no answer to wait for",
                self.method
            )));
        }
        let arguments = arguments.to_json();
        Ok(match &method.items {
            Some(_) => Request::Stream {
                method: self.method.clone(),
                arguments,
            },
            None => Request::Value {
                method: MethodName::from(format!("{}{JSON_SUFFIX}", self.method)),
                params: arguments.into(),
            },
        })
    }

    async fn measure(&self, targets: &[Target]) -> Result<Report, Failure> {
        let (how, default_callers) = match self.rate {
            Some(rate) => (Loop::Open(rate), OPEN_CALLERS),
            None => (Loop::Closed, CLOSED_CALLERS),
        };
        let callers = self
            .callers
            .map_or(default_callers, |callers| callers as usize);
        let local_call = load::time_local_call(&targets[0]).await?;
        let window = Window::new(self.warm_up, self.seconds);
        let shared = Arc::new(Shared::new(window));
        let mut progress = Progress::start();
        let mut processor_time = None;
        let interrupted = {
            let running = load::run(targets, callers, how, window, &shared);
            let mut running = std::pin::pin!(running);
            let mut interrupt = std::pin::pin!(interrupted());
            let mut begin = std::pin::pin!(tokio::time::sleep_until(window.begin));
            let mut ticks = interval(Duration::from_millis(200));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    () = &mut interrupt => break true,
                    () = &mut running => break false,
                    () = &mut begin, if processor_time.is_none() => {
                        processor_time = Some(thread_time());
                    }
                    _ = ticks.tick() => progress.show(window, &shared),
                }
            }
        };
        progress.finish();
        let now = Instant::now();
        let share = processor_time.flatten().and_then(|before| {
            let used = thread_time()?.checked_sub(before)?;
            let elapsed = now.saturating_duration_since(window.begin);
            (!elapsed.is_zero()).then(|| used.as_secs_f64() / elapsed.as_secs_f64())
        });
        let measurement = shared.lock();
        Ok(Report {
            address: self.address.clone(),
            method: self.method.clone(),
            r#loop: if self.rate.is_some() {
                "open"
            } else {
                "closed"
            },
            callers,
            connections: targets.len(),
            rate: self.rate,
            warm_up_seconds: self.warm_up.as_secs_f64(),
            seconds: window.elapsed(now).as_secs_f64(),
            interrupted,
            results: Results::new(
                &measurement,
                window.elapsed(now),
                self.rate.is_some(),
                targets[0].is_stream(),
            ),
            local_call_ns: local_call.map(|time| time.as_nanos().try_into().unwrap_or(u64::MAX)),
            processor_share: share.map(|share| (share * 1000.0).round() / 1000.0),
        })
    }
}

/// Returns the processor time of this thread, which runs everything. `None` where the system does not tell.
fn thread_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.001..=1e7).contains(rate))
        .ok_or_else(|| "a rate is a number of calls per second, from 0.001 to 10000000".to_owned())
}

/// The time and the calls so far on standard error, if that is a terminal.
struct Progress {
    line: Option<StatusLine>,
}

impl Progress {
    fn start() -> Self {
        Self {
            line: StatusLine::open(),
        }
    }

    fn show(&mut self, window: Window, shared: &Shared) {
        let Some(line) = &mut self.line else { return };
        let now = Instant::now();
        let (elapsed, length) = (window.elapsed(now), window.end - window.begin);
        let measurement = shared.lock();
        let errors: u64 = measurement.errors.values().map(|error| error.count).sum();
        let calls = measurement.calls_in_window;
        drop(measurement);
        let bar = bar(millis(elapsed), millis(length));
        let text = if now < window.begin {
            format!("{bar} warm-up")
        } else {
            let (elapsed, length) = (elapsed.as_secs_f64(), length.as_secs_f64());
            format!("{bar} {elapsed:.1} s of {length:.1} s, {calls} calls, {errors} errors")
        };
        line.draw(now.into_std(), &text);
    }

    fn finish(&mut self) {
        self.line = None;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
