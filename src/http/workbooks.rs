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
use crate::format::rows::FileRows;
use crate::format::xlsx::{self, Cover, WorkbookFault};
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
        let bounds = |total: u64| Fair::new(Bounds { total, share: (total / 2).max(1), waiting: WAITING, patience });
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
        let disk = self.disk.acquire(tenant, xlsx::most_bytes(&rows)).await.map_err(|refused| match refused {
            SlotRefused::Never => BadParam::LargeWorkbook.into(),
            SlotRefused::Queue | SlotRefused::Late => ApiError::ManyAnswers,
        })?;
        let turn = self.turns.acquire(tenant, 1).await.map_err(|_none_free| ApiError::ManyAnswers)?;
        let folder = self.folder.clone();
        let written = heavy::block(move |is_wanted| {
            let _turn = turn;
            xlsx::write(rows, &cover, &folder, is_wanted)
        })
        .await?;
        let file = written.map_err(|fault| match fault {
            WorkbookFault::LongText(column) => BadParam::LongCell(column).into(),
            fault => ApiError::Workbook(fault),
        })?;
        Ok(StoredFile { held: Arc::new((file, disk)), at: 0 })
    }
}

/// A file that is gone when its last reader is. A clone of a fresh reader reads the same bytes again.
#[derive(Clone, Debug)]
pub struct StoredFile {
    held: Arc<(File, Permit)>,
    at: u64,
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
            0
        });
        out.truncate(begin + read);
        self.at += read as u64;
        read > 0
    }
}
