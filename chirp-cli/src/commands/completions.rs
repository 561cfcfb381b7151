use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::command_line::CommandLine;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Print a completion script for a shell
///
/// For bash: chirp completions bash > ~/.local/share/bash-completion/completions/chirp
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut CommandLine::command(),
            "chirp",
            &mut script,
        );
        output::write(&script)?;
        Ok(ExitCode::Success)
    }
}
