//! The gateway, in a process of its own, and the service behind it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use chirp::Receiver;
use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations, RequestStore, SigningSecret, StreamUrls};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The environment variable with the secret of hooks, which a command line would show to everybody.
const SECRET: &str = "CHIRP_JOBS_SECRET";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Film {
    pub(crate) number: u32,
    pub(crate) seconds: u32,
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
pub(crate) enum FilmError {
    #[error("there is no film {number}")]
    #[chirp(code = 7)]
    NoSuchFilm { number: u32 },
}

#[chirp::service]
pub(crate) trait Jobs {
    /// Renders a film as soon as the camera has been switched on. Rendering it twice does no harm.
    #[chirp(idempotent)]
    async fn render(&self, number: u32) -> Result<Film, FilmError>;
    /// Returns the frames of a film.
    async fn frames(&self, count: u32) -> impl Stream<Item = Bytes>;
    /// Returns the number of bytes.
    async fn measure(&self, data: Receiver<Bytes>) -> Result<u64, String>;
}

struct Studio {
    folder: PathBuf,
}

impl Jobs for Studio {
    async fn render(&self, number: u32) -> Result<Film, FilmError> {
        if number == 13 {
            return Err(FilmError::NoSuchFilm { number });
        }
        while !is_on(&self.folder) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Film {
            number,
            seconds: 90 + number,
        })
    }

    async fn frames(&self, count: u32) -> impl Stream<Item = Bytes> {
        let frame = Bytes::from(vec![7; FRAME]);
        tokio_stream::iter((0..count).map(move |_| frame.clone()))
    }

    async fn measure(&self, mut data: Receiver<Bytes>) -> Result<u64, String> {
        let mut length = 0;
        while let Some(piece) = data.recv().await {
            length += piece.map_err(|error| error.to_string())?.len() as u64;
        }
        Ok(length)
    }
}

/// The bytes of a frame.
pub(crate) const FRAME: usize = 100_000;

/// Switches the camera on or off, which films wait for.
pub(crate) fn switch(folder: &Path, on: bool) -> Result<()> {
    let camera = folder.join("camera");
    if on {
        std::fs::write(camera, "on")?;
    } else if is_on(folder) {
        std::fs::remove_file(camera)?;
    }
    Ok(())
}

fn is_on(folder: &Path) -> bool {
    folder.join("camera").exists()
}

/// Serves until the process is killed.
pub(crate) async fn serve(address: &str, folder: &str, hook: &str) -> Result<()> {
    let secret: SigningSecret = std::env::var(SECRET)?.parse()?;
    let requests = DeferredRequests::new()
        .destinations(Destinations::new().allow(hook)?)
        .sign_with(secret)
        .backoff(Duration::from_millis(50), Duration::from_secs(1))
        .store(RequestStore::open(Path::new(folder).join("requests"))?);
    let gateway = Gateway::new()
        .service(JobsServer::new(Studio {
            folder: folder.into(),
        }))
        .requests(requests)
        .stream_urls(StreamUrls::new());
    let server = gateway.bind(address).await?;
    println!("{}", server.url().context("no URL")?);
    server.run().await;
    Ok(())
}

/// A gateway that runs in a process of its own. Dropping it kills the process.
pub(crate) struct GatewayProcess {
    child: Child,
    /// The URL of the gateway.
    pub(crate) url: String,
}

impl GatewayProcess {
    pub(crate) async fn start(
        address: &str,
        folder: &Path,
        hook: &str,
        secret: &SigningSecret,
    ) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("gateway").arg(address).arg(folder).arg(hook);
        command.env(SECRET, secret.reveal());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().context("the output of the gateway")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let url = line.context("the gateway has ended")?;
        Ok(Self { child, url })
    }

    /// Kills the process, which can do nothing about it.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
