use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use chirp::reflect::Description;
use chirp::typescript::{Options, generate};
use clap::Args;

use crate::connection::ConnectOptions;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output;
use crate::reflection;
use crate::text;

/// Write a TypeScript client and handlers for the services of a target
///
/// The module has the types of the services, a class for each service that calls its methods, an interface for each service to
/// implement, and a class for each error. It imports the npm package chirp-rpc.
#[derive(Args, Debug)]
pub(crate) struct Typescript {
    /// The target, or a file from `chirp ls --save`
    target: String,
    /// Write to a file, unless it is up to date; without this, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write this service only; can be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Exit with 1 if the file of --out is not up to date, and write nothing
    #[arg(long, requires = "out")]
    check: bool,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Typescript {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let description = unless_interrupted(reflection::load(&self.connect, &self.target)).await?;
        let code = self.generate(&description)?;
        let Some(path) = &self.out else {
            output::write(code.as_bytes())?;
            return Ok(ExitCode::Success);
        };
        let shown = path.display();
        let present = match fs::read(path) {
            Ok(present) => Some(present),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::file("read", shown, &error)),
        };
        if present.is_some_and(|present| present == code.as_bytes()) {
            return Ok(ExitCode::Success);
        }
        if self.check {
            let target = text::one_line(&self.target);
            return Err(Failure::new(
                ExitCode::Failed,
                format!("{shown} is not what {target} describes: run this command without --check"),
            ));
        }
        fs::write(path, code).map_err(|error| Failure::file("write", shown, &error))?;
        Ok(ExitCode::Success)
    }

    fn generate(&self, description: &Description) -> Result<String, Failure> {
        let mut known = BTreeSet::new();
        known.extend(description.services.iter().map(|service| &service.name[..]));
        let mut options = Options::new();
        for name in &self.service {
            if !known.contains(&name[..]) {
                let known: Vec<_> = known.into_iter().map(text::one_line).collect();
                let known = known.join(", ");
                return Err(Failure::usage(format!(
                    "unknown service {name:?} (described there: {known})"
                )));
            }
            options = options.service(name);
        }
        if known.is_empty() {
            return Err(Failure::usage(
                "the target describes no service that this caller may call",
            ));
        }
        Ok(generate(description, &options))
    }
}
