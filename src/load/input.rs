//! Files as bytes: which form a name stands for, and what is unpacked on the way.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use super::mapping::Format;
use super::progress::Progress;
use clickhouse::Client;

/// Where rows come from; read twice, once to check them and once to store them.
#[derive(Clone)]
pub enum Input {
    /// A file of text, packed or not, as it was when it was found: it is read so far, whatever comes behind.
    File(PathBuf, FileState),
    /// A statement whose result is in the Native format: what the server read of a file.
    Staged(Box<Client>, String),
}

/// A file at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    length: u64,
    /// Its device and number: another file may get its name.
    identity: (u64, u64),
    modified: (i64, i64),
}

impl FileState {
    fn of(found: &Metadata) -> Self {
        let modified = (found.mtime(), found.mtime_nsec());
        Self { length: found.len(), identity: (found.dev(), found.ino()), modified }
    }

    /// Refuses a file that is another one by now, or whose bytes were written over. That one has grown is seen by its length, and
    /// is no fault.
    fn check(self, now: Self) -> io::Result<()> {
        // Some file systems over a network number a file anew each time.
        let is_other = now.identity != self.identity && (now.length, now.modified) != (self.length, self.modified);
        let why = if is_other {
            "another file has taken its name since it was found"
        } else if now.length < self.length {
            "it is shorter than when it was found: load it when nobody writes it"
        } else if now.length == self.length && now.modified != self.modified {
            "it was written over or touched since it was found: load it when nobody writes it"
        } else {
            return Ok(());
        };
        Err(io::Error::other(why))
    }
}

/// The format that a file's name stands for, after the ending of its packing.
pub fn format_of(file: &Path) -> Option<Format> {
    let name = file.file_name()?.to_string_lossy().to_lowercase();
    let packed = [".gz", ".zst", ".xz", ".bz2", ".lz4"].iter().find_map(|end| name.strip_suffix(end));
    match packed.unwrap_or(&name).rsplit_once('.')?.1 {
        "jsonl" | "ndjson" | "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        "parquet" if packed.is_none() => Some(Format::Parquet),
        "native" => Some(Format::Native),
        _ => None,
    }
}

/// True for what [`open`] unpacks.
pub fn is_packed(head: &[u8]) -> bool {
    let heads: [&[u8]; 5] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18"];
    is_skippable(head) || heads.iter().any(|known| head.starts_with(known))
}

/// True for the head of a frame without data, with which files of zstd and lz4 may begin: pzstd writes one.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// The bytes behind the frames without data with which a file begins, up to eight.
fn behind_skippable(file: &mut impl Read) -> io::Result<Vec<u8>> {
    loop {
        let mut head = Vec::new();
        Read::by_ref(file).take(8).read_to_end(&mut head)?;
        if !is_skippable(&head) {
            return Ok(head);
        }
        let length = head.last_chunk().filter(|_| head.len() == 8).map(|length| u32::from_le_bytes(*length).into());
        let skipped = io::copy(&mut Read::by_ref(file).take(length.unwrap_or(0)), &mut io::sink())?;
        if length != Some(skipped) {
            return Err(cut_off(io::ErrorKind::UnexpectedEof));
        }
    }
}

fn cut_off(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "the file is cut off: its end is missing")
}

/// The bytes of a file, unpacked by what it begins with, whatever it is called.
pub fn open(path: &Path, progress: &Progress) -> io::Result<Box<dyn Read + Send>> {
    open_as(path, None, progress)
}

/// The same, as far as the file went when it was found, if that is said.
fn open_as(path: &Path, found: Option<FileState>, progress: &Progress) -> io::Result<Box<dyn Read + Send>> {
    let file = File::open(path)?;
    let now = file.metadata()?;
    if now.is_dir() {
        return Err(io::Error::other("is a directory"));
    }
    found.map_or(Ok(()), |found| found.check(FileState::of(&now)))?;
    let inner = file.take(found.map_or(u64::MAX, |found| found.length));
    let mut file = BufReader::with_capacity(1 << 18, Counting { inner, found, progress: progress.clone() });
    if !is_skippable(file.fill_buf()?) {
        return unpack(file);
    }
    let head = behind_skippable(&mut file)?;
    if !head.is_empty() && !is_packed(&head) {
        return Err(io::Error::other("begins as zstd and lz4 do, and has neither behind it"));
    }
    unpack(io::Cursor::new(head).chain(file))
}

/// Unpacks by what comes first.
fn unpack(mut file: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    Ok(match file.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(Unpacked(GzipMembers { member: Some(GzDecoder::new(file)) })),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Unpacked(zstd::Decoder::with_buffer(file)?)),
        [b'B', b'Z', b'h', ..] => Box::new(Unpacked(bzip2::bufread::MultiBzDecoder::new(file))),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            Box::new(Unpacked(liblzma::bufread::XzDecoder::new_multi_decoder(file)))
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => Box::new(super::lz4::Frames::new(file)),
        _ => Box::new(file),
    })
}

/// Members of gzip, one after the other; zeros behind the last are padding, as they are to gzip itself.
struct GzipMembers<R> {
    /// `None` behind the last.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            match rest.fill_buf()?.first() {
                None => {}
                Some(0) => loop {
                    let bytes = rest.fill_buf()?;
                    let (length, is_padding) = (bytes.len(), bytes.iter().all(|byte| *byte == 0));
                    match length {
                        0 => break,
                        _ if is_padding => rest.consume(length),
                        _ => return Err(io::Error::other("bytes behind the end of the gzip file")),
                    }
                },
                Some(_) => self.member = Some(GzDecoder::new(rest)),
            }
        }
        Ok(0)
    }
}

/// Unpacks, and says of a file without its end that it is cut off.
struct Unpacked<R>(R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let text = error.to_string();
            let is_cut = error.kind() == io::ErrorKind::UnexpectedEof
                || ["premature eof", "incomplete frame", "unexpected end"].iter().any(|why| text.contains(why));
            if is_cut { cut_off(error.kind()) } else { error }
        })
    }
}

impl Input {
    /// The file as it is now.
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Self::File(path.to_owned(), FileState::of(&std::fs::metadata(path)?)))
    }

    /// The bytes, from their beginning.
    pub fn open(&self, progress: &Progress) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::File(path, found) => open_as(path, Some(*found), progress),
            Self::Staged(client, sql) => {
                let (sender, receiver) = tokio::sync::mpsc::channel(2);
                let (client, sql) = (client.clone(), sql.clone());
                tokio::spawn(async move {
                    let sent = async {
                        let mut bytes = client.query_raw(&sql).fetch_bytes("Native").map_err(io::Error::other)?;
                        while let Some(chunk) = bytes.next().await.map_err(io::Error::other)? {
                            if sender.send(Ok(chunk)).await.is_err() {
                                break;
                            }
                        }
                        Ok(())
                    };
                    if let Err(error) = sent.await {
                        let _ = sender.send(Err(error)).await;
                    }
                });
                Ok(Box::new(Received { receiver, chunk: bytes::Bytes::new() }))
            }
        }
    }
}

/// Moves the bar, and looks at the end whether the file is still the one that was found.
struct Counting {
    inner: io::Take<File>,
    found: Option<FileState>,
    progress: Progress,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(found) = self.found.filter(|_| read == 0 && !buffer.is_empty()) {
            found.check(FileState::of(&self.inner.get_ref().metadata()?))?;
        }
        self.progress.bytes(read as u64);
        Ok(read)
    }
}

/// Chunks that another task receives, for a thread that waits.
struct Received {
    receiver: tokio::sync::mpsc::Receiver<io::Result<bytes::Bytes>>,
    chunk: bytes::Bytes,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                None => return Ok(0),
                Some(chunk) => self.chunk = chunk?,
            }
        }
        let read = self.chunk.len().min(buffer.len());
        let (to, from) = (buffer.get_mut(..read), self.chunk.split_to(read));
        if let Some(to) = to {
            to.copy_from_slice(&from);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_while_it_is_read_is_refused_unless_it_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calls.csv");
        let read_after = |change: &dyn Fn(&Path)| {
            std::fs::write(&path, "x\n".repeat(400_000)).unwrap();
            let input = Input::file(&path).unwrap();
            let mut from = input.open(&Progress::hidden())?;
            from.read_exact(&mut [0; 1000])?;
            change(&path);
            let mut rest = Vec::new();
            from.read_to_end(&mut rest)?;
            // The second time.
            let mut again = Vec::new();
            input.open(&Progress::hidden())?.read_to_end(&mut again)?;
            assert_eq!((rest.len(), again.len()), (799_000, 800_000));
            io::Result::Ok(())
        };
        let append = |path: &Path| {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
            io::Write::write_all(&mut file, b"more\n").unwrap();
        };
        let cut = |path: &Path| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(500_000).unwrap();
        let overwrite = |path: &Path| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            io::Write::write_all(&mut file, &b"y\n".repeat(400_000)).unwrap();
        };
        let replace = |path: &Path| {
            std::fs::write(path.with_extension("new"), "y\n".repeat(500_000)).unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        };
        read_after(&append).unwrap();
        for (change, why) in
            [(&cut as &dyn Fn(&Path), "shorter"), (&overwrite, "written over"), (&replace, "another file")]
        {
            let told = read_after(change).unwrap_err().to_string();
            assert!(told.contains(why), "{why}: {told}");
        }
    }

    #[test]
    fn a_files_name_says_how_it_is_read() {
        let format = |name: &str| format_of(Path::new(name));
        assert_eq!(format("a/calls.jsonl"), Some(Format::Json));
        assert_eq!(format("calls.CSV.gz"), Some(Format::Csv));
        assert_eq!(format("calls.2026.tsv.zst"), Some(Format::Tsv));
        assert_eq!(format("calls.parquet"), Some(Format::Parquet));
        for name in ["calls", "calls.txt", "calls.gz", "calls.parquet.gz", ".jsonl.doc"] {
            assert_eq!(format(name), None, "{name}");
        }
    }
}
