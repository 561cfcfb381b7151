use std::fmt::Write;

use chirp::reflect::{InterfaceDifference, compare_descriptions};
use clap::{Args, ValueEnum};

use crate::connection::ConnectOptions;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::json_format;
use crate::output::{self, Styles};
use crate::reflection;
use crate::text;

/// Compare two versions of an interface, and say whose calls break
///
/// Each version is the address of a target that describes itself, or a file from `chirp ls --save`. Prints one difference
/// a line. Exits with 1 if calls break, and with 0 otherwise.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The old version
    #[arg(value_name = "OLD")]
    old: String,
    /// The new version
    #[arg(value_name = "NEW")]
    new: String,
    /// The clients whose calls must not break: old ones with new servers, new ones with old servers, or both
    #[arg(long, value_enum, default_value_t = Clients::Both)]
    clients: Clients,
    /// Exit with 1 if there is any difference
    #[arg(long)]
    strict: bool,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Clients {
    Old,
    New,
    Both,
}

impl Diff {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let (old, new) = unless_interrupted(async {
            let old = reflection::load(&self.connect, &self.old).await?;
            Ok((old, reflection::load(&self.connect, &self.new).await?))
        })
        .await?;
        let differences = compare_descriptions(&old, &new);
        if self.json {
            let json = serde_json::to_string(&differences).map_err(Failure::usage)?;
            output::line(&json_format::pretty(&json, output::is_terminal()))?;
        } else {
            output::write(self.list(&differences).as_bytes())?;
        }
        let fails = differences.iter().any(|difference| self.breaks(difference));
        if fails || self.strict && !differences.is_empty() {
            return Ok(ExitCode::Failed);
        }
        Ok(ExitCode::Success)
    }

    fn breaks(&self, difference: &InterfaceDifference) -> bool {
        match self.clients {
            Clients::Old => difference.breaks_old_clients(),
            Clients::New => difference.breaks_new_clients(),
            Clients::Both => difference.is_breaking(),
        }
    }

    fn list(&self, differences: &[InterfaceDifference]) -> String {
        let bad = Styles::new().bad;
        let mut out = String::new();
        for difference in differences {
            let line = text::one_line(&difference.to_string());
            if self.breaks(difference) {
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{bad}{line}{bad:#}");
            } else {
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }
}
