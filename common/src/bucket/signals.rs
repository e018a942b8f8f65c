//! Signals that end a transfer: they are caught so that an upload can be aborted on the way out.

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Class, Error};

/// Waits for SIGINT, SIGTERM or SIGHUP; the error says which, and its exit code is 128 + the signal's number.
pub(super) async fn ended() -> Error {
    let mut caught = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .map(signal);
    let [interrupt, terminate, hangup] = &mut caught;
    let (number, name) = tokio::select! {
        () = received(interrupt) => (2, "SIGINT"),
        () = received(terminate) => (15, "SIGTERM"),
        () = received(hangup) => (1, "SIGHUP"),
    };
    Error::new(Class::Signal(number), "go on", format!("{name} came"))
}

async fn received(signal: &mut std::io::Result<tokio::signal::unix::Signal>) {
    match signal {
        Ok(signal) => {
            signal.recv().await;
        }
        // It can't be caught: its default action ends us.
        Err(_) => std::future::pending().await,
    }
}
