//! The files that the command line names: directories, patterns, pipes.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use super::input::{format_of, is_packed};
use super::mapping::Format;
use super::progress::Progress;

/// Bytes that stay free where pipes are kept.
const SPARE: u64 = 1 << 30;
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

/// The files that arguments stand for. A directory stands for those in it whose names say what they are, a pattern
/// for those that match, each in the order of names.
///
/// # Errors
/// An argument that stands for no file.
pub fn expand(named: &[PathBuf], format: Option<Format>) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in named {
        let shown = path.display();
        let before = files.len();
        if path.as_os_str() == "-" {
            format.ok_or("standard input needs --format, as it has no name")?;
            files.push(path.clone());
        } else if path.is_dir() {
            let entries = std::fs::read_dir(path).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
            let mut paths: Vec<_> =
                entries.map_err(|error| format!("{shown}: {error}"))?.iter().map(std::fs::DirEntry::path).collect();
            paths.sort();
            files.extend(paths.into_iter().filter(|path| is_call_file(path) && format_of(path).is_some()));
            if files.len() == before {
                return Err(format!("{shown} has no file that can be loaded"));
            }
        } else if let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '[']) && !path.exists()) {
            let found = glob::glob(pattern).map_err(|error| format!("{shown}: {error}"))?;
            let paths = found.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{shown}: {error}"))?;
            files.extend(paths.into_iter().filter(|path| is_call_file(path)));
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
        return Err(format!("{} {what}", file.display()));
    }
    Ok(files)
}

/// True for files that are neither hidden nor the rejects of another.
fn is_call_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    path.is_file() && !name.starts_with('.') && !name.ends_with(REJECTS)
}

impl SourceFile {
    /// A file as it is; what comes through a pipe is kept beside other temporary files, packed.
    ///
    /// # Errors
    /// The file's, or too little space for what comes through the pipe.
    pub fn open(named: &Path, progress: &Progress) -> io::Result<Self> {
        let format = format_of(named);
        let beside = |path: &Path| PathBuf::from(format!("{}{REJECTS}", path.display()));
        let is_stdin = named.as_os_str() == "-";
        if !is_stdin {
            let kind = std::fs::metadata(named)?.file_type();
            if kind.is_file() || kind.is_dir() {
                let (name, mut rejects) = (named.display().to_string(), named.as_os_str().to_owned());
                rejects.push(REJECTS);
                return Ok(Self { name, path: named.to_owned(), rejects: rejects.into(), format, _kept: None });
            }
        }
        let name = if is_stdin { "stdin".to_owned() } else { named.display().to_string() };
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

/// A copy of what is read, packed if it is not already.
fn keep(mut from: impl Read, progress: &Progress) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let mut head = Vec::new();
    Read::by_ref(&mut from).take(8).read_to_end(&mut head)?;
    if is_packed(&head) {
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
    let free = rustix::fs::statvfs(std::env::temp_dir()).map(|disk| disk.f_bavail * disk.f_frsize)?;
    Ok(free >= SPARE)
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
