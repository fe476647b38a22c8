//! Fetches a file: whole, or in pieces that follow one another; what breaks is tried again a bounded number of times.

use std::io::Write as _;
use std::time::Duration;

use super::client::{ExportClient, FetchError, FileAnswer};
use super::progress::ExportProgress;
use super::question::{CdrPiece, Question};
use super::target::PartFile;

/// The wait before the first try after a success.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait before another try.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Tries that are left, and the waits before them.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    most: u32,
    broken: u32,
}

impl Patience {
    /// So many breaks in a row are borne.
    pub fn new(most: u32) -> Self {
        Self { most, broken: 0 }
    }

    /// Something came through.
    fn renew(&mut self) {
        self.broken = 0;
    }

    /// The wait before the next try, twice as long each time; `None` when there were enough of them.
    fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.broken += 1;
        let wait = FIRST_WAIT * (1 << (self.broken - 1).min(7));
        (self.broken < self.most).then_some(wait.max(asked.unwrap_or_default()).min(LONGEST_WAIT))
    }
}

/// A file that is being fetched.
pub struct Fetch<'f> {
    /// The service.
    pub client: &'f ExportClient,
    /// The question.
    pub question: &'f Question,
    /// Told meanwhile.
    pub progress: &'f ExportProgress,
    /// Tries that are left.
    pub patience: Patience,
}

impl Fetch<'_> {
    async fn ask(&self, path: &str) -> Result<FileAnswer, FetchError> {
        self.client.get(path, self.question.format().row().content_type).await
    }

    /// Waits before another try, or gives up.
    async fn wait(&mut self, error: FetchError) -> Result<(), String> {
        let wait = error.may_pass.then(|| self.patience.next(error.retry_after)).flatten();
        let wait = wait.ok_or_else(|| error.why.clone())?;
        self.progress.note(&format!("{error}; another try in {} s", wait.as_secs_f64()));
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Gives the answer to `print`, which tells if it wants more. What has begun is not tried again: nothing can be taken back.
    ///
    /// # Errors
    /// The reason, in a line. What is written is cut then.
    pub async fn print(&mut self, mut print: impl FnMut(&[u8]) -> std::io::Result<bool>) -> Result<(), String> {
        let path = self.question.whole();
        let mut answer = loop {
            match self.ask(&path).await {
                Ok(answer) => break answer,
                Err(error) => self.wait(error).await?,
            }
        };
        let written = |error: std::io::Error| format!("standard output: {error}");
        while let Some(piece) =
            answer.piece().await.map_err(|error| format!("{error}; what is written is not whole"))?
        {
            if !print(&piece).map_err(written)? {
                return Ok(());
            }
            self.progress.took(&piece);
        }
        std::io::stdout().flush().map_err(written)
    }

    /// Writes the whole file, from its beginning at each try.
    ///
    /// # Errors
    /// The reason, in a line.
    pub async fn whole(&mut self, part: &mut PartFile) -> Result<(), String> {
        let path = self.question.whole();
        loop {
            match self.copy(&path, part).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    part.take_back()?;
                    self.progress.take_back();
                    self.wait(error).await?;
                }
            }
        }
    }

    /// Writes the file in pieces of so many CDRs, each behind the last. A piece that breaks is taken back and fetched again.
    ///
    /// # Errors
    /// The reason, in a line. The pieces before are kept.
    pub async fn pieces(&mut self, part: &mut PartFile, rows: u32) -> Result<(), String> {
        self.progress.goes_on_from(part.rows(), part.bytes());
        loop {
            let cursor = part.cursor().map(str::to_owned);
            let piece = CdrPiece { cursor: cursor.as_deref(), rows, is_first: part.is_at_beginning() };
            match self.copy(&self.question.piece(piece), part).await {
                Ok(next) => {
                    self.patience.renew();
                    let is_last = next.is_none();
                    part.keep(next, self.progress.rows())?;
                    self.progress.keep();
                    if is_last {
                        return Ok(());
                    }
                }
                Err(error) => {
                    part.take_back()?;
                    self.progress.take_back();
                    self.wait(error).await?;
                }
            }
        }
    }

    /// Appends an answer; gives the cursor of what is behind it.
    async fn copy(&self, path: &str, part: &mut PartFile) -> Result<Option<String>, FetchError> {
        let mut answer = self.ask(path).await?;
        while let Some(piece) = answer.piece().await? {
            part.write(&piece).map_err(FetchError::last)?;
            self.progress.took(&piece);
        }
        Ok(answer.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_bounded_and_begin_again_after_success() {
        let mut patience = Patience::new(11);
        let wait = |patience: &mut Patience, asked| patience.next(asked).map(|wait| wait.as_millis());
        let all: Vec<_> = std::iter::from_fn(|| wait(&mut patience, None)).collect();
        assert_eq!(all, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        patience.renew();
        assert_eq!(wait(&mut patience, Some(Duration::from_secs(7))), Some(7000));
        assert_eq!(wait(&mut patience, Some(Duration::from_secs(3600))), Some(30_000));
        assert_eq!(Patience::new(1).next(None), None);
    }
}
