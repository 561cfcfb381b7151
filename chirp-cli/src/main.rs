//! The program `chirp`: lists, describes and calls the methods of Chirp services.

mod arguments;
mod call_failure;
mod command_line;
mod commands;
mod connection;
mod deferred_options;
mod duration;
mod exit_code;
mod failure;
mod hex;
mod interrupt;
mod json_format;
mod load;
mod manual;
mod output;
mod progress;
mod recorded;
mod reflection;
mod replaying;
mod signature;
mod status_line;
mod stream_options;
mod text;
mod top;

use std::process;

use clap::Parser;

use command_line::CommandLine;
use exit_code::ExitCode;
use failure::Failure;

fn main() -> process::ExitCode {
    let command = CommandLine::parse().command;
    // A single thread starts faster, and one call needs no more.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(command.run());
            // A thread that reads standard input may block for ever.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::new(
            ExitCode::Usage,
            format!("cannot start the asynchronous runtime: {error}"),
        )),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => failure.report().into(),
    }
}
