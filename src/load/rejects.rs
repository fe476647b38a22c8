//! Rows that are not stored, as a file beside theirs.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::plan::Reject;

/// A file of rejects, which is made when there is something to be written into it.
pub struct Rejects {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Rejects {
    /// At that place.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// Writes a row as it stood.
    pub fn add(&mut self, line: u64, reject: &Reject, record: &[u8]) -> io::Result<()> {
        let named = |error: io::Error| io::Error::other(format!("{}: {error}", self.path.display()));
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = BufWriter::new(File::create(&self.path).map_err(named)?);
                file.write_all(b"line,column,reason,record\n")?;
                self.file.insert(file)
            }
        };
        write!(file, "{line},{},", reject.column)?;
        quote(file, reject.reason().as_bytes())?;
        file.write_all(b",")?;
        quote(file, record)?;
        file.write_all(b"\n")
    }

    /// Writes what is left.
    pub fn end(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), io::Write::flush)
    }
}

/// A field of CSV, quoted where it has to be.
fn quote(file: &mut BufWriter<File>, field: &[u8]) -> io::Result<()> {
    if !field.iter().any(|byte| b",\"\r\n".contains(byte)) {
        return file.write_all(field);
    }
    file.write_all(b"\"")?;
    for part in field.split_inclusive(|byte| *byte == b'"') {
        file.write_all(part)?;
        if part.ends_with(b"\"") {
            file.write_all(b"\"")?;
        }
    }
    file.write_all(b"\"")
}
