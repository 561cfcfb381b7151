use std::time::Duration;

use chirp::reflect::{JsonCaller, StatisticsReport};
use chirp::{CallError, Peer};
use clap::Args;
use tokio::time::{Instant, sleep_until};

use crate::call_failure;
use crate::connection::ConnectOptions;
use crate::duration;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt::{interrupted, unless_interrupted};
use crate::output;
use crate::top::{Interval, Key, Order, Screen, View};

/// The time that a server may take to report its numbers.
const LIMIT: Duration = Duration::from_secs(10);

/// The shortest time between two reports.
const SHORTEST: Duration = Duration::from_millis(50);

/// Show the methods and connections of a server, and how much they do
///
/// Keys: q quits, s and the letters c e t r n choose the order of the methods. The server must have statistics
/// (`builder.statistics(..)`), and shows the methods that this side may call, and connections if it allows that. In a pipe, the
/// numbers are printed once.
#[derive(Args, Debug)]
pub(crate) struct Top {
    /// The target
    address: String,
    /// Print the numbers since the start of the server once
    #[arg(long)]
    once: bool,
    /// Print the numbers once, as JSON
    #[arg(long)]
    json: bool,
    /// The order of the methods
    #[arg(long, value_enum, default_value_t)]
    sort: Order,
    /// Time between two reports
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    interval: Duration,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Top {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let first = async {
            let peer = self.connect.connect_described(&self.address).await?;
            let report = report(&peer).await?;
            Ok((peer, report))
        };
        let (peer, first) = unless_interrupted(first).await?;
        if self.json {
            let json = serde_json::to_string(&first).map_err(Failure::usage)?;
            output::line(&json)?;
            return Ok(ExitCode::Success);
        }
        if self.once || !output::is_terminal() {
            let view = View::new(&self.address, &Interval::new(&first, None), self.sort);
            output::write(view.text().as_bytes())?;
            return Ok(ExitCode::Success);
        }
        let mut screen = Screen::open().map_err(|error| Failure::output(&error))?;
        self.show(&peer, first, &mut screen).await
    }

    /// Shows the numbers until a key or a signal ends the program.
    async fn show(
        &self,
        peer: &Peer,
        first: StatisticsReport,
        screen: &mut Screen,
    ) -> Result<ExitCode, Failure> {
        let mut order = self.sort;
        let mut interval = Interval::new(&first, None);
        let mut last = first;
        let mut interrupt = std::pin::pin!(interrupted());
        let pause = self.interval.max(SHORTEST);
        let mut due = Instant::now() + pause;
        loop {
            let (width, height) = Screen::size();
            let lines = View::new(&self.address, &interval, order).fit(width, height);
            Screen::draw(&lines).map_err(|error| Failure::output(&error))?;
            let next = async move {
                sleep_until(due).await;
                report(peer).await
            };
            let mut next = std::pin::pin!(next);
            // A key does not make the next report late.
            loop {
                tokio::select! {
                    biased;
                    () = &mut interrupt => return Ok(ExitCode::Interrupted),
                    key = screen.next() => match key {
                        Key::Char('q') => return Ok(ExitCode::Success),
                        Key::Char(key) => match order.of_key(key) {
                            Some(chosen) => order = chosen,
                            None => continue,
                        },
                        Key::Resized => {}
                    },
                    report = &mut next => {
                        let report = report?;
                        interval = Interval::new(&report, Some(&last));
                        last = report;
                        due = Instant::now() + pause;
                        break;
                    }
                }
                let (width, height) = Screen::size();
                let lines = View::new(&self.address, &interval, order).fit(width, height);
                Screen::draw(&lines).map_err(|error| Failure::output(&error))?;
            }
        }
    }
}

async fn report(peer: &Peer) -> Result<StatisticsReport, Failure> {
    let report = JsonCaller::new(peer).statistics().timeout(LIMIT).await;
    report.map_err(|error| match error {
        CallError::UnknownMethod { .. } => Failure::usage(
            "the target has no statistics: turn them on there (`builder.statistics(..)`)",
        ),
        error => call_failure::of_call("the request for statistics", &error),
    })
}
