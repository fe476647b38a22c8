//! Rows that are not stored, as a file beside theirs.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::plan::Reject;
use super::source::{kind as kind_of, shown};

/// A file of rejects, which is made when there is something to be written into it. Until it is whole it has a name of its own
/// beside the last one, which is then renamed: what stands there is never opened, be it a link or a second name of the calls.
pub struct Rejects {
    path: PathBuf,
    /// The mode of an earlier file of rejects, which the new one takes over.
    mode: Option<Permissions>,
    file: Option<BufWriter<NamedTempFile>>,
}

impl Rejects {
    /// At that place.
    ///
    /// # Errors
    /// There is something of that name which is no regular file.
    pub fn at(path: &Path) -> io::Result<Self> {
        // Other faults of the name are those of writing there, if that comes about.
        let found = path.symlink_metadata().ok();
        if let Some(kind) = found.as_ref().map(std::fs::Metadata::file_type).filter(|kind| !kind.is_file()) {
            let (shown, kind) = (shown(path), kind_of(kind));
            return Err(io::Error::other(format!(
                "{shown} is {kind}, and rejects are written to a regular file of that name alone: remove or rename it"
            )));
        }
        Ok(Self { path: path.to_owned(), mode: found.map(|found| found.permissions()), file: None })
    }

    /// Writes a row as it stood.
    pub fn add(&mut self, line: u64, reject: &Reject, record: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(BufWriter::new(self.begin().map_err(|error| self.named(&error))?));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        write!(file, "{line},{},", reject.column)?;
        quote(file, reject.reason().as_bytes())?;
        file.write_all(b",")?;
        quote(file, record)?;
        file.write_all(b"\n")
    }

    fn begin(&self) -> io::Result<NamedTempFile> {
        let beside = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mode = self.mode.clone().unwrap_or_else(|| Permissions::from_mode(0o666));
        // Created exclusively; short, as the last name may be as long as names can be.
        let mut file = tempfile::Builder::new().prefix(".cdrscope-rejects-").permissions(mode).tempfile_in(beside)?;
        file.write_all(b"line,column,reason,record\n")?;
        Ok(file)
    }

    /// Gives the whole file its name.
    pub fn end(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let file = file.into_inner().map_err(|error| self.named(error.error()))?;
        file.persist(&self.path).map(drop).map_err(|error| self.named(&error.error))
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::other(format!("{}: {error}", shown(&self.path)))
    }
}

/// A field of CSV, quoted where it has to be.
fn quote(file: &mut BufWriter<NamedTempFile>, field: &[u8]) -> io::Result<()> {
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
