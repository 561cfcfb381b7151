//! Five processes, each a node that knows the others by name, and calls to many of them at once.
//!
//! The program starts copies of itself and tells them what to do, line by line. One node is killed and comes back.
//!
//! ```console
//! cargo run --example fleet
//! cargo run --features tls --example fleet -- --tls      # names that are proven by keys
//! ```

use std::error::Error;
use std::process::Stdio;
use std::time::Duration;

use chirp::{Answer, CallContext, LinkInfo, Node, NodeBuilder};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin, stdin};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const NAMES: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];

/// The time for everything that a node is told to do.
const PATIENCE: Duration = Duration::from_secs(30);

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The service of every node.
#[chirp::service]
trait Member {
    /// Describes the process, and the node that asks.
    async fn describe(&self, cx: &CallContext) -> String;
    /// Notes a line.
    #[chirp(oneway)]
    async fn note(&self, line: &str);
    /// Returns the number of lines that were noted.
    async fn notes(&self) -> u64;
}

#[derive(Default)]
struct Process {
    notes: std::sync::atomic::AtomicU64,
}

impl Member for Process {
    async fn describe(&self, cx: &CallContext) -> String {
        let caller = cx.node().unwrap_or("somebody who has not joined");
        format!("process {}, asked by {caller}", std::process::id())
    }

    async fn note(&self, _line: &str) {
        self.notes
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    async fn notes(&self) -> u64 {
        self.notes.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        None => start_fleet(&Keys::none()).await,
        Some("--tls") => start_fleet(&Keys::generate()?).await,
        Some("node") => run_node(&arguments[1..]).await,
        Some(other) => Err(format!("unknown argument {other:?}: --tls, or nothing").into()),
    }
}

// The program that starts the nodes.

async fn start_fleet(keys: &Keys) -> Result<()> {
    println!("Five processes, each a node. Each dials those that were started before it.\n");
    let mut fleet: Vec<NodeProcess> = Vec::new();
    for name in NAMES {
        let started = NodeProcess::start(name, keys.any_address(), &fleet, keys).await?;
        fleet.push(started);
    }
    for node in &mut fleet {
        node.tell("wait 4").await?;
    }

    println!("\nA multicast by alpha, to all that are connected:\n");
    let replies = fleet[0].tell("describe").await?;
    assert!(replies.ends_with(&["replies: 4, failures: 0".to_owned()]));

    println!("\nA one-way call of epsilon to all, and then a question: who has the note?\n");
    fleet[4].tell("note").await?;
    fleet[4].tell("notes").await?;

    println!("\ngamma is killed. alpha asks all again, and then gamma and delta by their names:\n");
    let address = fleet[2].address.clone();
    fleet[2].process.kill().await?;
    fleet[0].tell("wait 3").await?;
    let replies = fleet[0].tell("describe").await?;
    assert!(replies.ends_with(&["replies: 3, failures: 0".to_owned()]));
    let replies = fleet[0].tell("describe gamma delta").await?;
    assert!(replies.ends_with(&["replies: 1, failures: 1".to_owned()]));

    println!("\ngamma comes back: another process, under its name and at its address.\n");
    let others: Vec<_> = fleet.drain(..2).collect();
    fleet[0] = NodeProcess::start("gamma", address, &others, keys).await?;
    fleet.splice(0..0, others);
    for node in &mut fleet {
        node.tell("wait 4").await?;
    }
    println!();
    let replies = fleet[0].tell("describe").await?;
    assert!(replies.ends_with(&["replies: 4, failures: 0".to_owned()]));

    println!("\nAll are told to end.");
    for node in fleet {
        node.end().await?;
    }
    Ok(())
}

/// A process of the fleet.
struct NodeProcess {
    name: &'static str,
    address: String,
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl NodeProcess {
    /// Starts a node that dials others.
    async fn start(
        name: &'static str,
        address: String,
        others: &[Self],
        keys: &Keys,
    ) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["node", name, &address]);
        for other in others {
            command.args(["connect", other.name, &other.address]);
        }
        command.args(keys.arguments(name));
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut output = BufReader::new(output).lines();
        let address = tokio::time::timeout(PATIENCE, output.next_line()).await??;
        let address = address.ok_or("the node has ended")?;
        println!("{name:>8} | listens on {address}");
        Ok(Self {
            name,
            address,
            process,
            input,
            output,
        })
    }

    /// Gives the node a command, prints its answer and returns it.
    async fn tell(&mut self, command: &str) -> Result<Vec<String>> {
        self.input.write_all(command.as_bytes()).await?;
        self.input.write_all(b"\n").await?;
        let mut lines = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await??;
            let line = line.ok_or_else(|| format!("{} has ended", self.name))?;
            if line.is_empty() {
                return Ok(lines);
            }
            println!("{:>8} | {line}", self.name);
            lines.push(line);
        }
    }

    /// The end of its input ends a node.
    async fn end(mut self) -> Result<()> {
        drop(self.input);
        let status = tokio::time::timeout(PATIENCE, self.process.wait()).await??;
        if status.success() {
            return Ok(());
        }
        Err(format!("{} has failed: {status}", self.name).into())
    }
}

// A node: `node NAME ADDRESS [connect NAME ADDRESS].. [key FILE] [known NAME KEY]..`.

async fn run_node(arguments: &[String]) -> Result<()> {
    let [name, address, rest @ ..] = arguments else {
        return Err("a node needs a name and an address".into());
    };
    let node = Node::builder(name.as_str())
        .network("fleet")
        .service(MemberServer::new(Process::default()))
        .listen(address);
    let node = configure(node, rest)?.start().await?;
    println!("{}", node.addresses()[0]);

    let client = MemberClient::unbound();
    let mut commands = BufReader::new(stdin()).lines();
    while let Some(command) = next(&mut commands).await? {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["wait", count] => {
                wait(&node, count.parse()?).await;
                print_table(&node);
            }
            ["describe"] => print(&node.all().gather(client.describe()).await),
            ["describe", ref names @ ..] => {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                print(&node.some(names).gather(client.describe()).await);
            }
            ["note"] => {
                let line = format!("from {name}");
                print(&node.all().gather(client.note(&line)).await);
            }
            ["notes"] => print(&node.all().gather(client.notes()).await),
            _ => return Err(format!("unknown command {command:?}").into()),
        }
        println!();
    }
    node.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn next(commands: &mut Lines<BufReader<Stdin>>) -> Result<Option<String>> {
    Ok(commands.next_line().await?)
}

fn configure(mut node: NodeBuilder, arguments: &[String]) -> Result<NodeBuilder> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut rest = &words[..];
    while let [word, first, more @ ..] = rest {
        rest = more;
        node = match (*word, more) {
            ("connect", [address, more @ ..]) => {
                rest = more;
                node.connect(*first, *address)
            }
            #[cfg(feature = "tls")]
            ("known", [key, more @ ..]) => {
                rest = more;
                node.known(*first, key.parse()?)
            }
            #[cfg(feature = "tls")]
            ("key", _) => {
                // The names are bound to keys below; any key may connect, and has only its own name.
                let key = chirp::channel::Keypair::load(first)?;
                node.keys(&key, chirp::channel::KeyPolicy::anyone())
            }
            _ => return Err(format!("unknown argument {word:?}").into()),
        };
    }
    Ok(node)
}

/// Waits until so many other nodes are connected.
async fn wait(node: &Node, count: usize) {
    let mut events = node.watch();
    while node.connected().len() != count && events.recv().await.is_some() {}
}

fn print_table(node: &Node) {
    for info in node.peers() {
        let Some(link) = &info.link else {
            println!("{:<8} not connected: {:?}", info.name, info.state);
            continue;
        };
        println!("{:<8} {}", info.name, link_text(link));
    }
}

fn link_text(link: &LinkInfo) -> String {
    let direction = if link.dialled { "dialled" } else { "accepted" };
    let name = if link.authenticated {
        "proven by its key"
    } else {
        "a claim"
    };
    format!("connected, {direction}; its name is {name}")
}

fn print<T: std::fmt::Debug>(answers: &[Answer<T>]) {
    let mut lines: Vec<String> = answers
        .iter()
        .map(|answer| match &answer.result {
            Ok(value) => format!("{:<8} {value:?}", answer.from),
            Err(error) => format!("{:<8} failed: {error}", answer.from),
        })
        .collect();
    lines.sort();
    println!("{}", lines.join("\n"));
    let replies = answers
        .iter()
        .filter(|answer| answer.result.is_ok())
        .count();
    println!("replies: {replies}, failures: {}", answers.len() - replies);
}

// Keys.

/// The keys of the nodes, in files, if there are keys.
struct Keys {
    #[cfg(feature = "tls")]
    folder: Option<tls::KeyFolder>,
}

#[cfg(not(feature = "tls"))]
impl Keys {
    fn none() -> Self {
        Self {}
    }

    fn generate() -> Result<Self> {
        Err("this program was built without the feature `tls`".into())
    }

    fn any_address(&self) -> String {
        "tcp://127.0.0.1:0".to_owned()
    }

    fn arguments(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(feature = "tls")]
impl Keys {
    fn none() -> Self {
        Self { folder: None }
    }

    fn generate() -> Result<Self> {
        println!("Each node has a key, and each name belongs to a key.");
        let folder = Some(tls::KeyFolder::new()?);
        Ok(Self { folder })
    }

    fn any_address(&self) -> String {
        let scheme = if self.folder.is_some() { "tls" } else { "tcp" };
        format!("{scheme}://127.0.0.1:0")
    }

    fn arguments(&self, name: &str) -> Vec<String> {
        let folder = self.folder.as_ref();
        folder.map_or_else(Vec::new, |folder| folder.arguments(name))
    }
}

#[cfg(feature = "tls")]
mod tls {
    use std::path::PathBuf;

    use chirp::channel::{Keypair, PublicKey};

    use super::{NAMES, Result};

    /// Key files in a folder that is removed at the end.
    pub(super) struct KeyFolder {
        path: PathBuf,
        keys: Vec<(&'static str, PublicKey)>,
    }

    impl KeyFolder {
        pub(super) fn new() -> Result<Self> {
            let path = std::env::temp_dir().join(format!("chirp-fleet-{}", std::process::id()));
            std::fs::create_dir_all(&path)?;
            let mut folder = Self {
                path,
                keys: Vec::new(),
            };
            for name in NAMES {
                let key = Keypair::generate()?;
                key.save(folder.file(name))?;
                folder.keys.push((name, key.public()));
            }
            Ok(folder)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.path.join(format!("{name}.pem"))
        }

        pub(super) fn arguments(&self, name: &str) -> Vec<String> {
            let file = self.file(name).display().to_string();
            let mut arguments = vec!["key".to_owned(), file];
            for (name, key) in &self.keys {
                arguments.extend(["known".to_owned(), (*name).to_owned(), key.to_string()]);
            }
            arguments
        }
    }

    impl Drop for KeyFolder {
        fn drop(&mut self) {
            // What is left is in the folder for temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
