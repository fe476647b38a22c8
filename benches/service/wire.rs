//! A plain HTTP/1.1 client for loopback: one kept-alive connection, requests that are ready bytes, answers that stay in the
//! connection's own buffer. On a machine with few cores a full client would take the time that is being measured.

use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// Holds an answer of a day by minute without growing.
const BUFFER: usize = 256 * 1024;

/// A connection and its latest answer.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    head: usize,
    body: Body,
}

enum Body {
    /// Part of the buffer.
    Plain(Range<usize>),
    /// Put together from chunks.
    Chunked(Vec<u8>),
}

impl Wire {
    /// Connects to `host:port`.
    pub async fn connect(authority: &str) -> Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], filled: 0, head: 0, body: Body::Plain(0..0) })
    }

    /// Sends a request and reads its answer whole; gives the status.
    pub async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.send(request).await?;
        self.hear().await
    }

    /// Sends a request.
    pub async fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(request).await?)
    }

    /// Reads an answer whole; gives the status.
    pub async fn hear(&mut self) -> Result<u16> {
        self.filled = 0;
        let mut looked = 0;
        self.head = loop {
            self.fill().await?;
            let from = looked;
            looked = self.filled.saturating_sub(3);
            if let Some(at) = self.buffer[from..self.filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break from + at + 4;
            }
        };
        let status =
            self.head().get(9..12).and_then(|digits| digits.parse().ok()).ok_or("an answer without a status")?;
        let length = match self.header("content-length") {
            Some(text) => Some(text.parse::<usize>()?),
            None if status == 304 => Some(0),
            None => None,
        };
        match length {
            Some(length) => {
                let end = self.head + length;
                if self.buffer.len() < end {
                    self.buffer.resize(end, 0);
                }
                while self.filled < end {
                    self.fill().await?;
                }
                self.body = Body::Plain(self.head..end);
            }
            None => self.chunks().await?,
        }
        Ok(status)
    }

    async fn chunks(&mut self) -> Result<()> {
        let (mut at, mut body) = (self.head, Vec::new());
        loop {
            let line = loop {
                match self.buffer[at..self.filled].windows(2).position(|two| two == b"\r\n") {
                    Some(length) => break at + length,
                    None => self.fill().await?,
                }
            };
            let size = std::str::from_utf8(&self.buffer[at..line])?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or(size).trim(), 16)?;
            let start = line + 2;
            while self.filled < start + size + 2 {
                self.fill().await?;
            }
            if size == 0 {
                self.body = Body::Chunked(body);
                return Ok(());
            }
            body.extend_from_slice(&self.buffer[start..start + size]);
            at = start + size + 2;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => Err("the connection was closed before its answer ended".into()),
            more => {
                self.filled += more;
                Ok(())
            }
        }
    }

    fn head(&self) -> &str {
        std::str::from_utf8(&self.buffer[..self.head]).unwrap_or_default()
    }

    /// A header of the latest answer; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head().split("\r\n").skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body of the latest answer.
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Body::Plain(range) => &self.buffer[range.clone()],
            Body::Chunked(body) => body,
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }
}
