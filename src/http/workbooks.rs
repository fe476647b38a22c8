//! Workbooks on their way: written aside, in temporary files that are bounded, and sent from there.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::ApiError;
use super::heavy;
use super::params::BadParam;
use crate::config::Config;
use crate::fair::{Bounds, Fair, Permit, SlotRefused};
use crate::format::rows::{FileRows, RowStream};
use crate::format::xlsx::{self, Cover, SetAside, WorkbookFault};
use crate::format::{PIECE, Produce};

/// Requests of one tenant that may wait for their turn.
const WAITING: usize = 16;

/// The place where workbooks are written.
#[derive(Debug)]
pub struct Workbooks {
    folder: PathBuf,
    /// Bytes of temporary files.
    disk: Arc<Fair>,
    /// Workbooks that are being written: each takes a core.
    turns: Arc<Fair>,
}

impl Workbooks {
    /// By the settings.
    pub fn new(config: &Config) -> Self {
        let patience = Duration::from_secs(config.limits.queue_seconds.into());
        let bounds =
            |total: u64| Fair::new(Bounds { total, share: (total / 2).max(1), spare: 0, waiting: WAITING, patience });
        let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
        Self {
            folder: config.http.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
            disk: bounds((config.http.temp_mb as u64) << 20),
            turns: bounds(cores.max(2)),
        }
    }

    /// Writes a workbook.
    ///
    /// # Errors
    /// It would be too large, there are too many, its rows do not fit a sheet, or the folder takes no files.
    pub async fn write(&self, tenant: u32, rows: impl FileRows, cover: Cover) -> Result<StoredFile, ApiError> {
        let place = self.place(tenant, xlsx::most_bytes(&rows), BadParam::LargeWorkbook).await?;
        // What is set aside is an estimate: of few rows with long texts, more than it takes.
        place.write(rows, cover, u64::MAX).await
    }

    /// Sets a place aside for a workbook of so many bytes of temporary files.
    ///
    /// # Errors
    /// It is more than all of them may take, as `too_large` says, or there are too many.
    pub async fn place(&self, tenant: u32, bytes: u64, too_large: BadParam) -> Result<WorkbookPlace, ApiError> {
        let disk = self.disk.acquire(tenant, bytes).await.map_err(|refused| match refused {
            SlotRefused::Never => too_large.clone().into(),
            SlotRefused::Queue | SlotRefused::Late => ApiError::ManyAnswers,
        })?;
        let turn = self.turns.acquire(tenant, 1).await.map_err(|_none_free| ApiError::ManyAnswers)?;
        Ok(WorkbookPlace { disk, turn, folder: self.folder.clone(), too_large })
    }
}

/// Room in the folder and a thread's time for a workbook.
pub struct WorkbookPlace {
    disk: Permit,
    turn: Permit,
    folder: PathBuf,
    too_large: BadParam,
}

impl WorkbookPlace {
    /// Writes a workbook whose cells take so many bytes at most.
    ///
    /// # Errors
    /// Its rows do not fit a sheet or that room, they cannot be read to their end, or the folder takes no files.
    pub async fn write(self, rows: impl RowStream, cover: Cover, bytes: u64) -> Result<StoredFile, ApiError> {
        let Self { disk, turn, folder, too_large } = self;
        // The room is taken until the files are gone, also where nobody waits for them any more.
        let written = heavy::block(move |is_wanted| {
            let _turn = turn;
            xlsx::write(rows, &cover, SetAside { folder: &folder, bytes }, is_wanted).map(|file| (file, disk))
        })
        .await?;
        let held = written.map_err(|fault| match fault {
            WorkbookFault::LongText(column) => BadParam::LongCell(column).into(),
            WorkbookFault::Large => too_large.into(),
            fault => ApiError::Workbook(fault),
        })?;
        Ok(StoredFile { held: Arc::new(held), at: 0, is_cut: false })
    }
}

/// A file that is gone when its last reader is. A clone of a fresh reader reads the same bytes again.
#[derive(Clone, Debug)]
pub struct StoredFile {
    held: Arc<(File, Permit)>,
    at: u64,
    is_cut: bool,
}

impl StoredFile {
    /// Its length in bytes.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn length(&self) -> std::io::Result<u64> {
        Ok(self.held.0.metadata()?.len())
    }
}

impl Produce for StoredFile {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        let begin = out.len();
        out.resize(begin + PIECE, 0);
        let read = match out.get_mut(begin..) {
            Some(room) => self.held.0.read_at(room, self.at),
            None => Ok(0),
        };
        let read = read.unwrap_or_else(|error| {
            // What was sent is shorter than the length that was promised, so the reader sees the cut.
            log::error!("a temporary file cannot be read: {error}");
            self.is_cut = true;
            0
        });
        out.truncate(begin + read);
        self.at += read as u64;
        read > 0
    }

    fn is_cut(&self) -> bool {
        self.is_cut
    }
}
