//! Jobs that are asked for over HTTP and answered later, at a hook. A gateway is killed in between, and nothing is lost.
//!
//! ```text
//! jobs                                  starts a gateway, kills it, starts it again, and checks everything
//! jobs gateway ADDRESS FOLDER HOOK      serves, with requests that are stored in the folder
//! ```

mod asking;
mod gateway;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use chirp::MethodError;
use chirp::requests::{
    Destinations, HookReceiver, HookTicket, OutgoingClient, OutgoingError, SigningSecret,
};
use serde_json::{Value, json};

use asking::Asker;
use gateway::{FRAME, Film, FilmError, GatewayProcess, switch};

/// The jobs of the group that is collected.
const GROUP: u32 = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => demonstrate().await,
        ["gateway", address, folder, hook] => gateway::serve(address, folder, hook).await,
        _ => bail!("usage: jobs [gateway ADDRESS FOLDER HOOK]"),
    }
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // The system clears its folder for temporary files, too.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn demonstrate() -> Result<()> {
    let name = format!("chirp-jobs-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    std::fs::create_dir_all(&folder.0)?;
    let folder = folder.0.as_path();
    let secret = SigningSecret::generate()?;
    let hooks = Hooks::listen(secret.clone()).await?;
    let asker = Asker::new().await;

    let gateway = GatewayProcess::start("http://127.0.0.1:0", folder, &hooks.host, &secret).await?;
    let url = gateway.url.clone();
    one_job(&asker, &url, &hooks, folder).await?;
    let tickets = ask_for_group(&asker, &url, &hooks).await?;
    println!("{GROUP} jobs are accepted; the gateway is killed");
    gateway.kill().await?;
    // The same address, so that callers find their requests.
    let gateway = GatewayProcess::start(&url, folder, &hooks.host, &secret).await?;
    switch(folder, true)?;
    collect_group(tickets).await?;
    stream_urls(&asker, &gateway.url, &hooks).await?;
    gateway.kill().await
}

/// Receives responses over HTTP.
struct Hooks {
    receiver: HookReceiver,
    /// The URL of the host, which the gateway may post to.
    host: String,
}

impl Hooks {
    async fn listen(secret: SigningSecret) -> Result<Self> {
        let receiver = HookReceiver::new(secret);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let host = format!("http://{}", listener.local_addr()?);
        let app = axum::Router::new().nest_service("/hooks", receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { receiver, host })
    }

    /// Waits for a response at a URL that nobody can guess.
    fn expect(&self) -> Result<HookTicket> {
        let base = format!("{}/hooks", self.host);
        Ok(self.receiver.expect(&base)?)
    }
}

/// Asks for a job, and returns the ID of the request.
async fn ask(
    asker: &Asker,
    gateway: &str,
    method: &str,
    arguments: &Value,
    ticket: &HookTicket,
) -> Result<String> {
    let headers = [format!("Chirp-Respond-To: {}", ticket.url())];
    let accepted = asker.post(gateway, method, &headers, arguments).await?;
    ensure!(accepted.status == 202, "status {}", accepted.status);
    let id = accepted.json["id"].as_str().context("no ID")?;
    Ok(id.to_owned())
}

/// A job that takes long: its caller has gone when it is done.
async fn one_job(asker: &Asker, gateway: &str, hooks: &Hooks, folder: &Path) -> Result<()> {
    let ticket = hooks.expect()?;
    let id = ask(
        asker,
        gateway,
        "Jobs.render",
        &json!({"number": 1}),
        &ticket,
    )
    .await?;
    let status = asker.get(&format!("{gateway}/requests/{id}")).await?;
    ensure!(status.json["state"] == "running", "{}", status.json);
    switch(folder, true)?;
    let response = ticket.await?;
    ensure!(response.id().to_string() == id && response.method() == "Jobs.render");
    let film: Film = response.result::<Film, FilmError>()?;
    println!(
        "film {} has {} seconds, says the hook",
        film.number, film.seconds
    );
    ensure!(
        film == Film {
            number: 1,
            seconds: 91
        }
    );

    // The method's own error arrives as what it is.
    let ticket = hooks.expect()?;
    ask(
        asker,
        gateway,
        "Jobs.render",
        &json!({"number": 13}),
        &ticket,
    )
    .await?;
    let failed = ticket.await?.result::<Film, FilmError>();
    let Err(MethodError::Handler(FilmError::NoSuchFilm { number: 13 })) = failed else {
        bail!("film 13 is {failed:?}");
    };
    switch(folder, false)
}

async fn ask_for_group(asker: &Asker, gateway: &str, hooks: &Hooks) -> Result<Vec<HookTicket>> {
    let mut tickets = Vec::new();
    for number in 100..100 + GROUP {
        let ticket = hooks.expect()?;
        ask(asker, gateway, "Jobs.render", &json!([number]), &ticket).await?;
        tickets.push(ticket);
    }
    Ok(tickets)
}

/// Waits for the responses of a group, which the gateway that accepted them has not lived to send.
async fn collect_group(tickets: Vec<HookTicket>) -> Result<()> {
    let mut films = BTreeSet::new();
    for ticket in tickets {
        let film: Film = ticket.await?.result::<Film, FilmError>()?;
        films.insert(film.number);
    }
    ensure!(films == (100..100 + GROUP).collect(), "{films:?}");
    println!("the gateway that was started again has answered all {GROUP}");
    Ok(())
}

/// Results and arguments that are streams.
async fn stream_urls(asker: &Asker, gateway: &str, hooks: &Hooks) -> Result<()> {
    const FRAMES: usize = 50;
    let client = OutgoingClient::new(Destinations::new().allow(gateway)?);
    let ticket = hooks.expect()?;
    ask(asker, gateway, "Jobs.frames", &json!([FRAMES]), &ticket).await?;
    let response = ticket.await?;
    let url = response.stream_url().context("no stream URL")?;
    let mut frames = client.read_stream(url).await?;
    let mut length = 0;
    while let Some(piece) = frames.recv().await {
        length += piece?.len();
    }
    ensure!(length == FRAMES * FRAME, "{length} bytes");
    println!("{length} bytes of frames have been read from a stream URL");
    let again = client.read_stream(url).await;
    ensure!(
        matches!(again, Err(OutgoingError::Status { status: 404, .. })),
        "a stream is read once: {again:?}"
    );

    // One method's output is another's input, by its URL.
    let headers = ["Chirp-Stream: url".to_owned()];
    let frames = asker
        .post(gateway, "Jobs.frames", &headers, &json!([3]))
        .await?;
    ensure!(frames.status == 201, "status {}", frames.status);
    let arguments = json!({"data": {"url": frames.json["stream_url"]}});
    let measured = asker.post(gateway, "Jobs.measure", &[], &arguments).await?;
    ensure!(measured.json == json!(3 * FRAME), "{}", measured.json);
    Ok(())
}
