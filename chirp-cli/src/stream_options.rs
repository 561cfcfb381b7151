use std::path::PathBuf;

use chirp::http::Gateway;
use chirp::requests::{Destinations, StreamUrls};
use clap::Args;

use crate::failure::Failure;

/// The options for streams at URLs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Streams at URLs")]
#[expect(
    clippy::doc_markdown,
    reason = "the help shows the comments as they are"
)]
pub(crate) struct StreamOptions {
    /// Offer results that are streams at URLs, for requests with "Chirp-Stream: url" and in responses that come later
    #[arg(long)]
    stream_urls: bool,
    /// Fetch streams that arguments name as {"url": URL} from this host, as https://files.example.com; can be repeated
    #[arg(long, value_name = "URL")]
    fetch: Vec<String>,
    /// Let these hosts have addresses of this network, as 10.0.0.0/8; public addresses are always allowed; can be repeated
    #[arg(long, value_name = "NETWORK")]
    fetch_network: Vec<String>,
    /// Fetch streams that arguments name from Unix sockets in this folder, too; can be repeated
    #[arg(long, value_name = "FOLDER")]
    fetch_folder: Vec<PathBuf>,
    /// The URL at which callers reach the gateway, if the host of their requests does not tell
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl StreamOptions {
    pub(crate) fn configure(&self, mut gateway: Gateway) -> Result<Gateway, Failure> {
        let mut sources = Destinations::new();
        for url in &self.fetch {
            sources = sources.allow(url).map_err(Failure::usage)?;
        }
        for network in &self.fetch_network {
            sources = sources.allow_network(network).map_err(Failure::usage)?;
        }
        for folder in &self.fetch_folder {
            sources = sources.allow_unix_folder(folder).map_err(Failure::usage)?;
        }
        if self.fetch.is_empty() && !self.fetch_network.is_empty() {
            return Err(Failure::usage(
                "--fetch-network is for the hosts of streams: list these with --fetch",
            ));
        }
        if !sources.is_empty() {
            gateway = gateway.fetch_from(sources);
        }
        if self.stream_urls {
            gateway = gateway.stream_urls(StreamUrls::new());
        }
        if let Some(url) = &self.public_url {
            let is_url = ["http://", "https://", "http+unix://"]
                .iter()
                .any(|scheme| url.starts_with(scheme));
            if !is_url {
                return Err(Failure::usage(format!(
                    "--public-url {url} is not a URL: write https://host/path or http://host/path"
                )));
            }
            gateway = gateway.public_url(url);
        }
        Ok(gateway)
    }
}
