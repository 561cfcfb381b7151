#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Waits for Ctrl-C.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, the signal ends the program.
        std::future::pending::<()>().await;
    }
}

/// Runs a future until it ends or the program is interrupted.
pub(crate) async fn unless_interrupted<T>(
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        result = future => result,
        () = interrupted() => Err(Failure::quiet(ExitCode::Interrupted)),
    }
}

/// Waits for Ctrl-C, or for the signal by which service managers end a program.
pub(crate) async fn ended() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            () = interrupted() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    interrupted().await;
}
