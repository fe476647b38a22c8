//! Keys and secrets of tokens, read again while the service runs: at SIGHUP, and when their files change.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::http::state::State;

/// Looks at the files as often as at the accounts, and at each SIGHUP.
pub(super) async fn keys(state: Arc<State>, mut hangups: Option<Signal>) {
    loop {
        let every = actix_web::rt::time::sleep(state.directory.interval());
        let asked = tokio::select! {
            () = every => false,
            () = next(&mut hangups) => true,
        };
        let own = Arc::clone(&state);
        // Files may lie on a slow disk.
        let refresh = move || {
            let operators = own.operator_keys.as_ref();
            let customers = own.keys.refresh(asked, operators).map_err(|why| why.to_string());
            let operators = operators.map(|keys| keys.refresh(asked, Some(&own.keys)).map_err(|why| why.to_string()));
            [("", Some(customers)), ("the operator's ", operators)]
        };
        match tokio::task::spawn_blocking(refresh).await {
            Ok(all) => {
                for (whose, done) in all {
                    match done {
                        Some(Ok(true)) => log::info!("{whose}keys and secrets of tokens were read again"),
                        Some(Ok(false)) | None => {}
                        Some(Err(why)) => log::error!("{whose}keys and secrets of tokens stay as they were: {why}"),
                    }
                }
            }
            // A panic in it has been printed.
            Err(_) => return,
        }
    }
}

/// From now on SIGHUP does not end the program, so that one that comes while the service starts does no harm. Call it within the
/// runtime.
pub(crate) fn expect_hangups() {
    // The handler stays when what it tells is dropped.
    drop(hangups());
}

/// `None` on a terminal: closing it sends the signal too, and is meant to end the program.
pub(super) fn hangups() -> Option<Signal> {
    use std::io::IsTerminal as _;
    if std::io::stdin().is_terminal() { None } else { signal(SignalKind::hangup()).ok() }
}

async fn next(hangups: &mut Option<Signal>) {
    match hangups {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
