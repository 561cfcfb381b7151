//! Cargo, which builds what a workload wants built.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::record::{Metric, Record};
use crate::system::Result;

/// In how many ticks Linux counts a second of processor time, for programs.
const TICKS: f64 = 100.0;

/// A cargo that is about to be started.
pub struct Cargo(Command);

impl Cargo {
    /// The package in `folder`, built into `target`.
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

    /// With another argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it in place of this program.
    pub fn replace(mut self) -> Result<()> {
        Err(self.0.exec().into())
    }

    /// Runs it, and gives what it wrote.
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

/// How long runs of cargo took.
#[derive(Debug, Default)]
pub struct Times {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
}

impl Times {
    /// Runs it once more.
    pub fn take(&mut self, cargo: Cargo) -> Result<()> {
        let (started, cpu) = (Instant::now(), cpu_of_children()?);
        cargo.run()?;
        self.seconds.push(started.elapsed().as_secs_f64());
        self.cpu.push(cpu_of_children()? - cpu);
        Ok(())
    }

    /// What they come to.
    pub fn records(self, workload: &str, case: &str, system: &str) -> [Record; 2] {
        [
            Record::new(workload, case, system, Metric::Seconds, self.seconds),
            Record::new(workload, case, system, Metric::CpuSeconds, self.cpu),
        ]
    }
}

/// The processor time, in seconds, of all processes that this one has waited for, and those that they have.
fn cpu_of_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name, in parentheses; it may have spaces and parentheses of its own.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let ticks = |field: Option<&str>| Result::Ok(field.ok_or("too short")?.parse::<f64>()?);
    // The sixteenth and seventeenth field: in user mode, and in the kernel.
    let mut fields = fields.split_whitespace().skip(13);
    Ok((ticks(fields.next())? + ticks(fields.next())?) / TICKS)
}

/// This package's folder.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where this program was built.
pub fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent);
    Ok(target.ok_or("this program is in no target folder")?.into())
}
