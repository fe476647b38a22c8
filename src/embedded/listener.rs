//! Proof that a listening port is held by the engine: whoever takes the port of an engine that has ended is told
//! nothing.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A listening socket, as the process that holds it shows it under `/proc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listener {
    process: u32,
    descriptor: u32,
    /// The socket's number, which the kernel gives to no other while it is open.
    socket: u64,
}

impl Listener {
    /// The socket on which the process listens on that port of 127.0.0.1; `None` when another process does, or none.
    pub(super) fn of(process: u32, port: u16) -> io::Result<Option<Self>> {
        let table = fs::read_to_string(format!("/proc/{process}/net/tcp"))?;
        let Some(socket) = table.lines().find_map(|line| listening_on(line, port)) else { return Ok(None) };
        let wanted = link(socket);
        for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
            let entry = entry?;
            // One that was closed meanwhile is not the listener.
            if fs::read_link(entry.path()).is_ok_and(|target| target == wanted)
                && let Ok(descriptor) = entry.file_name().to_string_lossy().parse()
            {
                return Ok(Some(Self { process, descriptor, socket }));
            }
        }
        Ok(None)
    }

    /// True while the process has it open. While it has, nobody else can listen on the port.
    pub(super) fn is_open(&self) -> bool {
        let descriptor = Path::new("/proc").join(format!("{}/fd/{}", self.process, self.descriptor));
        fs::read_link(descriptor).is_ok_and(|target| target == link(self.socket))
    }
}

fn link(socket: u64) -> PathBuf {
    format!("socket:[{socket}]").into()
}

/// The socket's number if a line of `/proc/net/tcp` is that of a listener on the port.
fn listening_on(line: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    // The address is written as the machine's own number.
    let local = format!("{:08X}:{port:04X}", u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()));
    let mut fields = line.split_whitespace().skip(1);
    let is_it = fields.next()? == local && fields.nth(1)? == LISTEN;
    is_it.then(|| fields.nth(5)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_found_with_the_process_that_has_it_and_until_it_is_closed() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let found = Listener::of(std::process::id(), port).unwrap().unwrap();
        assert!(found.is_open());
        let mut other = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        assert_eq!(Listener::of(other.id(), port).unwrap(), None);
        other.kill().unwrap();
        other.wait().unwrap();
        drop(socket);
        assert!(!found.is_open());
        // The next socket may get the same descriptor, and the same port.
        let _next = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        assert!(!found.is_open());
    }
}
