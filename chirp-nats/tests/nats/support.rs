use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, process, thread};

use chirp_nats::{Nats, NatsOptions};
use futures_core::Stream;

/// The longest time that a server of NATS may take to start.
const START: Duration = Duration::from_secs(20);

/// A server of NATS, which ends with this value.
pub(crate) struct NatsProcess {
    child: Option<Child>,
    arguments: Vec<String>,
    port: u16,
    folder: PathBuf,
}

impl NatsProcess {
    /// Starts a server of its own. Returns `None`, and says so, if the program is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        let mut process = Self::new(free_port(), arguments.iter().map(ToString::to_string));
        process.restart().then_some(process)
    }

    /// Starts a server with a configuration, which is written to its folder with other files.
    pub(crate) fn start_configured(files: &[(&str, String)]) -> Option<Self> {
        let mut process = Self::new(free_port(), []);
        fs::create_dir_all(&process.folder).expect("a folder");
        for (name, text) in files {
            fs::write(process.folder.join(name), text).expect("written");
        }
        let config = process.folder.join("nats.conf").display().to_string();
        process.arguments.extend(["-c".to_owned(), config]);
        process.restart().then_some(process)
    }

    /// Returns the path of a file in the folder of this server.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts a cluster of three.
    pub(crate) fn cluster() -> Option<[Self; 3]> {
        Self::cluster_with(|_| Vec::new())
    }

    /// Starts a cluster of three with `JetStream`, and with the ports of their monitoring.
    pub(crate) fn jetstream_cluster() -> Option<([Self; 3], [u16; 3])> {
        let monitoring: [u16; 3] = std::array::from_fn(|_| free_port());
        let cluster = Self::cluster_with(|at| {
            let name = format!("server-{at}");
            ["-js", "-n", &name, "-m", &monitoring[at].to_string()]
                .map(str::to_owned)
                .into()
        });
        Some((cluster?, monitoring))
    }

    fn cluster_with(more: impl Fn(usize) -> Vec<String>) -> Option<[Self; 3]> {
        let routes: [u16; 3] = std::array::from_fn(|_| free_port());
        let urls = routes
            .map(|port| format!("nats://127.0.0.1:{port}"))
            .join(",");
        let mut cluster = std::array::from_fn(|at| {
            let own = format!("nats://127.0.0.1:{}", routes[at]);
            let arguments = [
                "--cluster_name".to_owned(),
                "chirp".to_owned(),
                "--cluster".to_owned(),
                own,
                "--routes".to_owned(),
                urls.clone(),
            ];
            Self::new(free_port(), arguments.into_iter().chain(more(at)))
        });
        cluster.iter_mut().all(Self::restart).then_some(cluster)
    }

    fn new(port: u16, arguments: impl IntoIterator<Item = String>) -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("chirp-nats-{}-{number}", process::id()));
        let mut all: Vec<_> = ["-a", "127.0.0.1", "-p"].map(str::to_owned).into();
        all.push(port.to_string());
        all.extend(["-sd".to_owned(), folder.display().to_string()]);
        all.extend(arguments);
        Self {
            child: None,
            arguments: all,
            port,
            folder,
        }
    }

    /// Starts the server again, on its port. Returns `false` if the program is not installed.
    pub(crate) fn restart(&mut self) -> bool {
        self.kill();
        let mut command = Command::new("nats-server");
        command
            .args(&self.arguments)
            .current_dir(if self.folder.is_dir() {
                &*self.folder
            } else {
                Path::new(".")
            })
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("skipped: the program `nats-server` is not installed");
                return false;
            }
            Err(error) => panic!("nats-server does not start: {error}"),
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let until = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            assert!(
                Instant::now() < until,
                "nats-server does not listen at {address}"
            );
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops the server without ending it: it keeps its connections, and neither reads nor writes.
    pub(crate) fn freeze(&self) {
        let child = self.child.as_ref().expect("it runs");
        let frozen = Command::new("kill")
            .args(["-STOP", &child.id().to_string()])
            .status();
        assert!(frozen.expect("kill is installed").success());
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connect(&self) -> Nats {
        self.connect_with(NatsOptions::new()).await
    }

    pub(crate) async fn connect_with(&self, options: NatsOptions) -> Nats {
        options.connect(self.address()).await.expect("connected")
    }

    /// A client of NATS that knows nothing of Chirp.
    pub(crate) async fn plain(&self) -> async_nats::Client {
        async_nats::connect(self.address())
            .await
            .expect("connected")
    }
}

impl Drop for NatsProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Returns the subscriptions of the connections that a server of NATS has, by the names of their clients.
pub(crate) fn subscriptions(monitoring: u16) -> BTreeMap<String, u64> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, monitoring)).expect("connected");
    let sent = stream.write_all(b"GET /connz?limit=1000 HTTP/1.0\r\n\r\n");
    sent.expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("received");
    let (_, body) = response.split_once("\r\n\r\n").expect("a body");
    let response: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let connections = response["connections"].as_array().expect("a list");
    let connections = connections.iter().map(|connection| {
        let name = connection["name"].as_str().unwrap_or("nameless");
        (
            name.to_owned(),
            connection["subscriptions"].as_u64().expect("a number"),
        )
    });
    connections.collect()
}

/// Waits until a condition holds.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let mut checks = tokio::time::interval(Duration::from_millis(2));
    while !holds() {
        checks.tick().await;
    }
}

/// The next message of a subscription.
pub(crate) async fn next(messages: &mut async_nats::Subscriber) -> async_nats::Message {
    let message = std::future::poll_fn(|cx| Pin::new(&mut *messages).poll_next(cx)).await;
    message.expect("the connection is open")
}

/// Waits until the server has taken every subscription of a client: a flush of the client waits for no answer.
pub(crate) async fn settle(client: &async_nats::Client) {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("subscribed");
    client.publish(inbox, "".into()).await.expect("sent");
    next(&mut answers).await;
}
