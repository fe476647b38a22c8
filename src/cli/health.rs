//! `cdrscope health`: asks a running service whether it can answer. For container health checks, in images without curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::settings::Settings;
use super::{CliError, configure, say};

/// Arguments of `health`.
#[derive(clap::Args)]
pub struct Health {
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The answer comes from memory: a service that needs longer is in trouble.
const PATIENCE: Duration = Duration::from_secs(2);

impl Health {
    /// Says `ready`, or fails with the reason.
    pub fn run(self) -> Result<(), CliError> {
        let listen = configure(&self.settings)?.http.listen;
        if listen.port() == 0 {
            return Err(CliError::Usage("http.listen has port 0: name the port that the service's log names".into()));
        }
        let address = reachable(listen);
        let status = ask(address);
        if self.json {
            let is_ready = status.as_ref().is_ok_and(|status| status == "200");
            let number = status.as_ref().ok().and_then(|status| status.parse::<u16>().ok());
            say(serde_json::json!({ "ready": is_ready, "address": address.to_string(), "status": number }));
        }
        let status = status.map_err(|e| {
            CliError::Failed(format!("no answer from {address}: {e}; is `cdrscope serve` running there?"))
        })?;
        match status.as_str() {
            "200" if self.json => {}
            "200" => say("ready"),
            other => {
                return Err(CliError::Failed(format!(
                    "not ready: {address} answered {other}; the service's log says why"
                )));
            }
        }
        Ok(())
    }
}

/// A service that listens everywhere is asked over loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// The status of the answer: the second word of its first line.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    // "HTTP/1.1 200" and no more.
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(String::from_utf8_lossy(&head[9..]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_asked_over_loopback() {
        for (listen, asked) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("192.0.2.7:80", "192.0.2.7:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
