//! The files that the command line names: directories, patterns, pipes.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::input::{format_of, is_packed};
use super::mapping::Format;
use super::progress::Progress;
use crate::shown::Escaped;

/// Bytes that stay free where pipes are kept.
const SPARE: u64 = 1 << 30;
/// The bytes that a Parquet file begins with.
const PARQUET: &[u8] = b"PAR1";
/// Bytes between two looks at what is free.
const LOOK: u64 = 64 << 20;
/// The end of the names of files of rejects.
pub const REJECTS: &str = ".rejects.csv";

/// A file that can be read more than once.
pub struct SourceFile {
    /// Its name in messages.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Where its rejects go.
    pub rejects: PathBuf,
    /// The format that its name stands for.
    pub format: Option<Format>,
    /// The bytes of a pipe; the file has no name, so that nothing is left of it.
    _kept: Option<File>,
}

/// The files that arguments stand for, and lines about what was passed over.
#[derive(Debug, Default)]
pub struct FoundFiles {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The lines.
    pub passed: Vec<String>,
}

/// Files passed over that are named.
const MOST_PASSED: usize = 10;

/// A path for people: without marks that could forge a line.
pub fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// The files that arguments stand for. A directory stands for those in it whose names say what they are, a pattern
/// for those that match, each in the order of names.
///
/// # Errors
/// An argument that stands for no file.
pub fn expand(named: &[PathBuf], format: Option<Format>) -> Result<FoundFiles, String> {
    let (mut files, mut passed) = (Vec::new(), Vec::new());
    for path in named {
        let shown = shown(path);
        let before = files.len();
        if path.as_os_str() == "-" {
            format.ok_or("standard input needs --format, as it has no name")?;
            files.push(path.clone());
        } else if path.is_dir() {
            let entries = std::fs::read_dir(path).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
            let mut paths: Vec<_> =
                entries.map_err(|error| format!("{shown}: {error}"))?.iter().map(std::fs::DirEntry::path).collect();
            paths.sort();
            files.extend(paths.into_iter().filter(|path| is_call_file(path, false, &mut passed)));
            if files.len() == before {
                return Err(format!("{shown} has no file that can be loaded"));
            }
        } else if let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '[']) && !path.exists()) {
            let found = glob::glob(pattern).map_err(|error| format!("{shown}: {error}"))?;
            let paths = found.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{shown}: {error}"))?;
            files.extend(paths.into_iter().filter(|path| is_call_file(path, true, &mut passed)));
            if files.len() == before {
                return Err(format!("{shown} is no file and matches none"));
            }
        } else {
            files.push(path.clone());
        }
    }
    // A shell's *.csv names the rejects of earlier loads too.
    let all: std::collections::HashSet<_> = files.iter().cloned().collect();
    files.retain(|file| {
        let name = file.to_string_lossy();
        name.strip_suffix(REJECTS).is_none_or(|of| !all.contains(Path::new(of)))
    });
    let unknown = |file: &&PathBuf| format.is_none() && format_of(file).is_none();
    if let Some(file) = files.iter().find(unknown) {
        let what = "is no kind of file that can be loaded: see `cdrscope load --help`, or say --format";
        return Err(format!("{} {what}", self::shown(file)));
    }
    let more = passed.len().saturating_sub(MOST_PASSED);
    passed.truncate(MOST_PASSED);
    if more > 0 {
        passed.push(format!("{more} more files are passed over"));
    }
    Ok(FoundFiles { files, passed })
}

/// True for files that are neither hidden nor the rejects of another, and whose names say what they are if they are not
/// `matched` by a pattern. Of others there is a line, unless they are of a kind that is never looked for. A link to nothing
/// whose name is that of a file is one: that it cannot be read is told where it is read.
fn is_call_file(path: &Path, matched: bool, passed: &mut Vec<String>) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if name.starts_with('.') || name.ends_with(REJECTS) {
        return false;
    }
    let (is_named, found) = (format_of(path).is_some(), std::fs::metadata(path));
    let why = match &found {
        Ok(found) if found.is_file() && (is_named || matched) => return true,
        Ok(found) if found.is_file() => "its name does not say what it is".to_owned(),
        Ok(found) if found.is_dir() && !is_named => return false,
        Ok(found) => format!("it is {}", kind(found.file_type())),
        Err(_) if is_named => return true,
        Err(error) => error.to_string(),
    };
    passed.push(format!("{} is passed over: {why}", shown(path)));
    false
}

/// The kind of a file that is no regular one.
pub(super) fn kind(kind: std::fs::FileType) -> &'static str {
    match kind {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

impl SourceFile {
    /// A file as it is; what comes through a pipe is kept beside other temporary files, packed.
    ///
    /// # Errors
    /// The file's, or too little space for what comes through the pipe.
    pub fn open(named: &Path, progress: &Progress) -> io::Result<Self> {
        let format = format_of(named);
        let beside = |path: &Path| {
            let mut beside = path.as_os_str().to_owned();
            beside.push(REJECTS);
            PathBuf::from(beside)
        };
        let is_stdin = named.as_os_str() == "-";
        if !is_stdin {
            let kind = std::fs::metadata(named)?.file_type();
            if kind.is_file() || kind.is_dir() {
                let (name, rejects) = (shown(named), beside(named));
                return Ok(Self { name, path: named.to_owned(), rejects, format, _kept: None });
            }
        }
        let name = if is_stdin { "stdin".to_owned() } else { shown(named) };
        let rejects = match named.file_name().filter(|_| !is_stdin) {
            Some(file) => beside(Path::new(file)),
            None => beside(Path::new("stdin")),
        };
        let kept = if is_stdin { keep(io::stdin(), progress)? } else { keep(File::open(named)?, progress)? };
        // Opened by this name it is read from its beginning, as often as is wanted.
        let path = PathBuf::from(format!("/proc/self/fd/{}", kept.as_raw_fd()));
        Ok(Self { name, path, rejects, format, _kept: Some(kept) })
    }
}

/// A copy of what is read, packed if it is not already. Parquet is read from its end, and stays as it is.
fn keep(mut from: impl Read, progress: &Progress) -> io::Result<File> {
    let mut file = tempfile::tempfile().map_err(temporary)?;
    let mut head = Vec::new();
    Read::by_ref(&mut from).take(8).read_to_end(&mut head)?;
    if is_packed(&head) || head.starts_with(PARQUET) {
        copy(&mut head.chain(from), &mut file, progress)?;
    } else {
        let mut packed = zstd::Encoder::new(&mut file, 1)?;
        copy(&mut head.chain(from), &mut packed, progress)?;
        packed.finish()?;
    }
    Ok(file)
}

/// True where more temporary files may be written.
pub fn has_room() -> io::Result<bool> {
    let free = rustix::fs::statvfs(std::env::temp_dir()).map(|disk| disk.f_bavail * disk.f_frsize);
    Ok(free.map_err(|error| temporary(error.into()))? >= SPARE)
}

/// Says of an error that it is about the folder of temporary files, and how to name another.
fn temporary(error: io::Error) -> io::Error {
    let place = std::env::temp_dir();
    io::Error::new(error.kind(), format!("no temporary file in {} (TMPDIR names another): {error}", place.display()))
}

fn copy(from: &mut impl Read, to: &mut impl io::Write, progress: &Progress) -> io::Result<()> {
    let mut chunk = vec![0; 1 << 18];
    let mut until_look = 0;
    loop {
        let read = match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if progress.is_stopped() {
            return Err(io::Error::other("interrupted; nothing was stored"));
        }
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        if until_look < read as u64 {
            if !has_room()? {
                let place = std::env::temp_dir();
                let what = "less than 1 GB is free for what comes through the pipe: name another in TMPDIR";
                return Err(io::Error::other(format!("{}: {what}", place.display())));
            }
            until_look = LOOK;
        }
        until_look = until_look.saturating_sub(read as u64);
        to.write_all(bytes)?;
    }
}
