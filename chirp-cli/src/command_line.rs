use clap::{Parser, Subcommand};

use crate::commands::{
    Bench, Call, Completions, Describe, Diff, Gateway, Ls, Proxy, Record, Replay, Show, Top,
    Typescript,
};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Addresses:
  tcp://host:port   tls://host:port   unix:///path   unix://@name
  ws://host:port/path   wss://host/path   exec:program args   stdio:   fd:N
  http://host:port/path   https://host/path   http+unix://%2Fpath: a gateway
  jsonrpc+exec:program args, lsp+tcp://host:port and so on: JSON-RPC 2.0

Exit codes:
  0    success
  1    the method failed, a comparison found a difference, or a
       record is incomplete
  2    wrong command line or arguments, or the target does not offer
       what the command needs
  3    no connection, or it was lost before the answer
  4    a time limit passed
  5    not allowed: access denied, or an identity was not accepted
  6    unknown method
  7    the target is overloaded or shutting down, its handler panicked,
       or another error of the framework
  8    a stream failed after items were printed
  130  interrupted";

/// Lists, describes and calls the methods of Chirp services
#[derive(Debug, Parser)]
#[command(name = "chirp", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, each in a file of its own in `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ls(Ls),
    Describe(Describe),
    Call(Call),
    Diff(Diff),
    Bench(Bench),
    Record(Record),
    Show(Show),
    Replay(Replay),
    Top(Top),
    Gateway(Gateway),
    Proxy(Proxy),
    Typescript(Typescript),
    Completions(Completions),
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Ls(command) => command.run().await,
            Self::Describe(command) => command.run().await,
            Self::Call(command) => command.run().await,
            Self::Diff(command) => command.run().await,
            Self::Bench(command) => command.run().await,
            Self::Record(command) => command.run().await,
            Self::Show(command) => command.run(),
            Self::Replay(command) => command.run().await,
            Self::Top(command) => command.run().await,
            Self::Gateway(command) => command.run().await,
            Self::Proxy(command) => command.run().await,
            Self::Typescript(command) => command.run().await,
            Self::Completions(command) => command.run(),
        }
    }
}
