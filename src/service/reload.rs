//! Keys and secrets of tokens, read again while the service runs: at SIGHUP, and when their files change.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::http::state::State;

/// Looks at the files as often as at the accounts, and at each SIGHUP.
pub(super) async fn keys(state: Arc<State>) {
    let mut hangups = hangups();
    loop {
        let every = actix_web::rt::time::sleep(state.directory.interval());
        let asked = tokio::select! {
            () = every => false,
            () = next(&mut hangups) => true,
        };
        let own = Arc::clone(&state);
        // Files may lie on a slow disk.
        match tokio::task::spawn_blocking(move || own.keys.refresh(asked)).await {
            Ok(Ok(true)) => log::info!("keys and secrets of tokens were read again"),
            Ok(Ok(false)) => {}
            Ok(Err(why)) => log::error!("keys and secrets of tokens stay as they were: {why}"),
            // A panic in it has been printed.
            Err(_) => return,
        }
    }
}

/// `None` on a terminal: closing it sends the signal too, and is meant to end the program.
fn hangups() -> Option<Signal> {
    use std::io::IsTerminal as _;
    if std::io::stdin().is_terminal() { None } else { signal(SignalKind::hangup()).ok() }
}

async fn next(hangups: &mut Option<Signal>) {
    match hangups {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
