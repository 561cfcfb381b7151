//! Cargo, which builds what a workload wants built.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::system::Result;

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
