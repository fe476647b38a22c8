//! A server in a process of its own: the service or the bare handler, stopped when it is dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::Result;

/// Longest wait for the address.
const START: Duration = Duration::from_secs(60);

/// What a server says before its address.
pub const SAYS: &str = "listening on http://";

/// A running server.
pub struct Process {
    child: Child,
    /// `host:port`.
    pub authority: String,
}

impl Process {
    /// Starts `program` and waits until it says where it listens.
    pub fn start(program: &Path, arguments: &[&str], settings: &[(&str, String)]) -> Result<Self> {
        let mut command = Command::new(program);
        // Settings of whoever runs this have no place in what is measured.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CDRSCOPE_")) {
            command.env_remove(name);
        }
        command.args(arguments).envs(settings.iter().map(|(name, value)| (name, value)));
        // The bare handler ends when this pipe closes.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = child.stderr.take().ok_or("a process without stderr")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || listen(said, &sender));
        match receiver.recv_timeout(START) {
            Ok(Ok(authority)) => Ok(Self { child, authority }),
            failed => {
                child.kill()?;
                child.wait()?;
                let lines = failed.map_or_else(|e| e.to_string(), |said| said.unwrap_or_else(|lines| lines));
                Err(format!("{} did not start: {lines}", program.display()).into())
            }
        }
    }

    fn proc(&self, file: &str) -> Result<String> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?)
    }

    /// Resident memory, in MB.
    pub fn resident_mb(&self) -> Result<f64> {
        self.memory_mb("VmRSS:")
    }

    /// The most resident memory so far, in MB.
    pub fn most_resident_mb(&self) -> Result<f64> {
        self.memory_mb("VmHWM:")
    }

    fn memory_mb(&self, name: &str) -> Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| format!("no {name}"))?;
        let kilobytes: f64 = line.trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Processor time so far, in microseconds, to the kernel's own exactness of a hundredth of a second.
    pub fn processor_micros(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        // Fields are counted behind the name, which may hold spaces: user time is the 12th, system time the 13th.
        let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no stat")?.1.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok());
        Ok((ticks(11).ok_or("no utime")? + ticks(12).ok_or("no stime")?) * 10_000.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself is stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the address, or all lines of one that ends before; reads on, so that the pipe never fills.
fn listen(said: ChildStderr, sender: &mpsc::Sender<std::result::Result<String, String>>) {
    let (mut before, mut told) = (String::new(), false);
    for line in BufReader::new(said).lines().map_while(std::result::Result::ok) {
        if told {
            continue;
        }
        if let Some((_, authority)) = line.split_once(SAYS) {
            told = true;
            let _ = sender.send(Ok(authority.trim().to_owned()));
        } else {
            before.push_str(&line);
            before.push('\n');
        }
    }
    if !told {
        let _ = sender.send(Err(before));
    }
}
