//! Files with keys, secrets and certificates: bounded, and read again only where that cannot wait for ever.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Longest file that is read, bytes: room for a long chain of certificates.
const LONGEST: u64 = 1 << 20;

/// The content of a file at the start. A pipe, as of a shell, is read to its end.
///
/// # Errors
/// The file does not read, or is too long.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    bounded(File::open(path)?)
}

/// The content of a file while the service runs. A named pipe or a device is refused: to open or read one may wait for ever.
///
/// # Errors
/// The file does not read, is no regular file, or is too long.
pub fn read_again(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    bounded(file)
}

/// The text in a file, without the mark that some editors put in front of it.
///
/// # Errors
/// It is not UTF-8.
pub fn text(content: Vec<u8>) -> io::Result<String> {
    let text =
        String::from_utf8(content).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why.utf8_error()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn bounded(file: File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 1 MiB"));
    }
    Ok(content)
}
