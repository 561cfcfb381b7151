use std::fs;
use std::path::{Path, PathBuf};

use chirp::requests::{DeferredRequests, Destinations, RequestStore, SigningSecret};
use clap::Args;

use crate::failure::Failure;

/// The options for requests whose responses come later.
#[derive(Args, Debug)]
#[command(next_help_heading = "Responses that come later")]
#[expect(
    clippy::doc_markdown,
    reason = "the help shows the comments as they are"
)]
pub(crate) struct DeferredOptions {
    /// Accept requests with "Prefer: respond-async"; their responses are kept at /requests/ID for ten minutes
    #[arg(long)]
    deferred: bool,
    /// Post responses to this host, as https://hooks.example.com, for requests with "Chirp-Respond-To: URL"; can be repeated
    #[arg(long, value_name = "URL")]
    hook: Vec<String>,
    /// Let the hosts have addresses of this network, as 10.0.0.0/8; public addresses are always allowed; can be repeated
    #[arg(long, value_name = "NETWORK")]
    hook_network: Vec<String>,
    /// Post responses to Unix sockets in this folder, for requests with "Chirp-Respond-To: unix:PATH"; can be repeated
    #[arg(long, value_name = "FOLDER")]
    hook_folder: Vec<PathBuf>,
    /// Sign responses with the secrets in this file, one on each line, as whsec_ and base64
    #[arg(long, value_name = "FILE")]
    hook_secrets: Option<PathBuf>,
    /// Keep accepted requests in this file, so that they survive a restart
    #[arg(long, value_name = "FILE")]
    requests_file: Option<PathBuf>,
}

impl DeferredOptions {
    /// Returns the settings. `None` if no option asks for such requests.
    pub(crate) fn settings(&self) -> Result<Option<DeferredRequests>, Failure> {
        let mut destinations = Destinations::new();
        for url in &self.hook {
            destinations = destinations.allow(url).map_err(Failure::usage)?;
        }
        for network in &self.hook_network {
            destinations = destinations
                .allow_network(network)
                .map_err(Failure::usage)?;
        }
        for folder in &self.hook_folder {
            destinations = destinations
                .allow_unix_folder(folder)
                .map_err(Failure::usage)?;
        }
        let secrets = self.hook_secrets.as_deref().map(secrets).transpose()?;
        if self.hook.is_empty() && !self.hook_network.is_empty() {
            return Err(Failure::usage(
                "--hook-network is for the hosts of hooks: list these with --hook",
            ));
        }
        if destinations.is_empty() && secrets.is_some() {
            return Err(Failure::usage(
                "--hook-secrets is for responses that are posted: list the hooks with --hook or --hook-folder",
            ));
        }
        let is_wanted = self.deferred || !destinations.is_empty() || self.requests_file.is_some();
        if !is_wanted {
            return Ok(None);
        }
        let mut requests = DeferredRequests::new().destinations(destinations);
        let secrets = secrets.into_iter().flatten();
        requests = secrets.fold(requests, DeferredRequests::sign_with);
        if let Some(path) = &self.requests_file {
            let store = RequestStore::open(path).map_err(Failure::usage)?;
            requests = requests.store(store);
        }
        Ok(Some(requests))
    }
}

/// Reads the secrets in a file, of which there is at least one.
fn secrets(path: &Path) -> Result<Vec<SigningSecret>, Failure> {
    let failure =
        |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failure(&error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Result<Vec<SigningSecret>, _> = lines.map(str::parse).collect();
    let secrets = secrets.map_err(|error| failure(&error))?;
    if secrets.is_empty() {
        return Err(failure(&"there is no secret in this file"));
    }
    Ok(secrets)
}
