//! Standard output of commands that print data of calls: control characters in it could rewrite a terminal, and a pipe that is
//! closed is no fault.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

/// Standard output, guarded where it is a terminal.
pub struct Screen {
    out: io::Stdout,
    is_terminal: bool,
    /// A byte 0xC2 that came last: it begins one of the control characters U+0080 to U+009F, or a harmless one.
    open: bool,
    is_closed: bool,
}

impl Screen {
    /// The standard output of this process.
    pub fn new() -> Self {
        let out = io::stdout();
        Self { is_terminal: out.is_terminal(), out, open: false, is_closed: false }
    }

    /// True if people look at it.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// True if nobody reads on.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Writes bytes as they come.
    ///
    /// # Errors
    /// The output failed, and not because its reader has left.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let done = if self.is_terminal {
            let safe = self.guarded(bytes);
            self.out.write_all(&safe)
        } else {
            self.out.write_all(bytes)
        };
        self.unless_closed(done)
    }

    /// Writes out what is held.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        let held = if std::mem::take(&mut self.open) { self.out.write_all(b"\xC2") } else { Ok(()) };
        let done = held.and_then(|()| self.out.flush());
        self.unless_closed(done)
    }

    fn unless_closed(&mut self, done: io::Result<()>) -> io::Result<()> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            done => done,
        }
    }

    /// The bytes with `?` for each control character but tabs and line ends.
    fn guarded(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut safe = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            match (std::mem::take(&mut self.open), byte) {
                (true, 0x80..=0x9F) => safe.push(b'?'),
                (was_open, byte) => {
                    if was_open {
                        safe.push(0xC2);
                    }
                    match byte {
                        0xC2 => self.open = true,
                        b'\n' | b'\t' => safe.push(byte),
                        0..=0x1F | 0x7F => safe.push(b'?'),
                        byte => safe.push(byte),
                    }
                }
            }
        }
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    #[test]
    fn control_characters_do_not_reach_a_terminal_however_they_are_cut() {
        let text = "a\x1b[2J\tї°\u{9b}1m\u{7f}\r\n\u{a0}".as_bytes();
        for cut in 0..=text.len() {
            let mut screen = Screen::new();
            let mut safe = screen.guarded(&text[..cut]);
            safe.extend(screen.guarded(&text[cut..]));
            assert_eq!(String::from_utf8(safe).unwrap(), "a?[2J\tї°?1m??\n\u{a0}", "{cut}");
        }
    }
}
