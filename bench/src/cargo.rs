//! Runs cargo for workloads that build programs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::record::{Metric, Record};
use crate::system::Result;

/// The number of clock ticks per second of processor time (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A cargo command.
pub struct Cargo(Command);

impl Cargo {
    /// Creates a command for the package in `folder`, with the target directory `target`.
    pub fn new(subcommand: &str, folder: &Path, target: &Path) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command
            .arg(subcommand)
            .arg("--manifest-path")
            .arg(folder.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", target)
            .stdin(Stdio::null());
        Self(command)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Replaces this process by the command.
    pub fn replace(mut self) -> Result<()> {
        Err(self.0.exec().into())
    }

    /// Runs the command and returns its output.
    pub fn run(mut self) -> Result<Vec<u8>> {
        let Output {
            status,
            stdout,
            stderr,
        } = self.0.output()?;
        if status.success() {
            return Ok(stdout);
        }
        let command = self.0;
        let stderr = String::from_utf8_lossy(&stderr);
        Err(format!("{command:?} failed: {stderr}").into())
    }
}

/// Durations of cargo runs.
#[derive(Debug, Default)]
pub struct Times {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
}

impl Times {
    /// Runs the command once and adds its durations.
    pub fn take(&mut self, cargo: Cargo) -> Result<()> {
        let (started, cpu) = (Instant::now(), cpu_of_children()?);
        cargo.run()?;
        self.seconds.push(started.elapsed().as_secs_f64());
        self.cpu.push(cpu_of_children()? - cpu);
        Ok(())
    }

    /// Returns the readings.
    pub fn records(self, workload: &str, case: &str, system: &str) -> [Record; 2] {
        [
            Record::new(workload, case, system, Metric::Seconds, self.seconds),
            Record::new(workload, case, system, Metric::CpuSeconds, self.cpu),
        ]
    }
}

/// Returns the processor time of all finished child processes and their children, in seconds.
fn cpu_of_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program name in parentheses, which may itself contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let ticks = |field: Option<&str>| Result::Ok(field.ok_or("too short")?.parse::<f64>()?);
    // Fields 16 and 17: user and system time of children.
    let mut fields = fields.split_whitespace().skip(13);
    Ok((ticks(fields.next())? + ticks(fields.next())?) / TICKS)
}

/// Returns the directory of this package.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the target directory of this program.
pub fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent);
    Ok(target
        .ok_or("cannot find the target directory of this program")?
        .into())
}
