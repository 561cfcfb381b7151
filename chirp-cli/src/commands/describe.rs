use std::path::PathBuf;

use chirp::reflect::Description;
use clap::Args;

use super::ls::to_json;
use crate::connection::ConnectOptions;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::manual::Manual;
use crate::output::{self, Styles};
use crate::reflection;

/// Describe services and methods: documentation, arguments, results, errors and types
///
/// The target must have reflection turned on, and describes what this caller may call.
#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// The target
    address: String,
    /// The name of a service or method; without this, everything is described
    name: Option<String>,
    /// Print the description as JSON
    #[arg(long)]
    json: bool,
    /// Save the description to a file, for `chirp diff`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Describe {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let name = self.name.as_deref().unwrap_or_default();
        let description = unless_interrupted(async {
            let peer = self.connect.connect_described(&self.address).await?;
            let description = reflection::describe(&peer, name).await?;
            if !name.is_empty() && is_empty(&description) {
                return Err(reflection::missing_method(&peer, name).await);
            }
            Ok(description)
        })
        .await?;
        if let Some(path) = &self.save {
            reflection::save(&description, path)?;
        }
        if self.json {
            output::line(&to_json(&description)?)?;
        } else {
            let manual = Manual::new(&description, Styles::new());
            output::write(manual.print(name).as_bytes())?;
        }
        Ok(ExitCode::Success)
    }
}

fn is_empty(description: &Description) -> bool {
    description.services.is_empty() && description.others.is_empty()
}
