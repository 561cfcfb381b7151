use std::fmt::Write;
use std::path::PathBuf;

use chirp::reflect::{Description, ServiceDescription};
use clap::Args;

use crate::connection::ConnectOptions;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::json_format;
use crate::output::{self, Styles};
use crate::reflection;
use crate::signature;
use crate::text;

/// List the services and methods of a target, one line each
///
/// The target must have reflection turned on, and lists what this caller may call.
#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// The target
    address: String,
    /// Print the whole description as JSON
    #[arg(long)]
    json: bool,
    /// Save the description to a file, for `chirp diff`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Ls {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let description = unless_interrupted(async {
            let peer = self.connect.connect_described(&self.address).await?;
            reflection::describe(&peer, "").await
        })
        .await?;
        if let Some(path) = &self.save {
            reflection::save(&description, path)?;
        }
        if self.json {
            output::line(&to_json(&description)?)?;
        } else {
            output::write(list(&description, Styles::new()).as_bytes())?;
        }
        Ok(ExitCode::Success)
    }
}

/// Returns a description as JSON for standard output.
pub(super) fn to_json(description: &Description) -> Result<String, Failure> {
    let json = serde_json::to_string(description).map_err(Failure::usage)?;
    Ok(json_format::pretty(&json, output::is_terminal()))
}

/// Returns a line for each service and method.
pub(super) fn list(description: &Description, styles: Styles) -> String {
    let mut out = String::new();
    for service in &description.services {
        out.push_str(&heading(service, styles));
        for method in &service.methods {
            out.push_str("  ");
            out.push_str(&signature::of_method(method, styles));
            out.push('\n');
        }
    }
    for name in &description.others {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}  (not described)", text::one_line(name));
    }
    out
}

/// Returns the line of a service: its name, and the first line of its documentation.
fn heading(service: &ServiceDescription, styles: Styles) -> String {
    let Styles { name, remark, .. } = styles;
    let shown = match &service.name[..] {
        "" => "(no service)",
        name => name,
    };
    let mut line = format!("{name}{}{name:#}", text::one_line(shown));
    if let Some(first) = service
        .documentation
        .lines()
        .find(|line| !line.trim().is_empty())
    {
        let first = text::one_line(first.trim());
        let _ = write!(line, "  {remark}{first}{remark:#}");
    }
    line.push('\n');
    line
}
