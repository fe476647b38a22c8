//! Lines of standard input. A thread reads them, which the end of the process ends: a read cannot be given up.

use std::io::{BufRead as _, Read as _};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::statements::LONGEST;

/// The lines, each with its end, until the input ends or fails.
pub fn lines() -> Receiver<Result<String, String>> {
    let (sender, lines) = channel(1);
    std::thread::spawn(move || read(&sender));
    lines
}

fn read(sender: &Sender<Result<String, String>>) {
    loop {
        let mut line = String::new();
        let item = match std::io::stdin().lock().take(LONGEST as u64 + 1).read_line(&mut line) {
            Ok(0) => return,
            Ok(bytes) if bytes > LONGEST => Err(format!("standard input: a line is longer than {} MiB", LONGEST >> 20)),
            Ok(_) => Ok(line),
            Err(error) => Err(format!("standard input: {error}")),
        };
        let is_end = item.is_err();
        if sender.blocking_send(item).is_err() || is_end {
            return;
        }
    }
}
