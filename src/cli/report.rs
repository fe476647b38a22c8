//! `cdrscope report REPORT …`: an answer of the API on the screen. It asks as `cdrscope export` does.

mod table;

use std::io::Write as _;
use std::path::Path;

use super::CliError;
use super::export::{ExportClient, ExportProgress, Fetch, Question, ReportSource, interruptible};
use super::screen::Screen;
use table::{ReportTable, TimeZoneOfTable};

/// Arguments of `report`.
#[derive(clap::Args)]
pub struct ReportCommand {
    #[command(flatten)]
    source: ReportSource,
    /// Form of the answer [default: table on a terminal, csv elsewhere]
    #[arg(long, value_name = "FORM")]
    format: Option<ReportView>,
}

/// A form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ReportView {
    /// Columns for people, with times as dates
    Table,
    /// Lines with commas
    Csv,
    /// One array of objects; not of raw CDRs
    Json,
    /// An object a line
    Ndjson,
}

impl ReportCommand {
    /// Prints the answer.
    pub fn run(self) -> Result<(), CliError> {
        let mut screen = Screen::new();
        let usual = if screen.is_terminal() { ReportView::Table } else { ReportView::Csv };
        let view = self.format.unwrap_or(usual);
        if self.source.value("format").is_some() {
            return Err(CliError::Usage("format= is --format here; `cdrscope export` writes the other formats".into()));
        }
        let format = match view {
            ReportView::Table | ReportView::Ndjson => "format=ndjson",
            ReportView::Csv => "format=csv",
            ReportView::Json => "format=rows",
        };
        let question = self.source.question(&[format.to_owned()], Path::new("-"))?;
        self.source.ask(&question, async |client| self.print(client, &question, view, &mut screen).await)
    }

    async fn print(
        &self,
        client: &ExportClient,
        question: &Question,
        view: ReportView,
        screen: &mut Screen,
    ) -> Result<(), CliError> {
        let progress = ExportProgress::new(Path::new("-"), question, true);
        let mut fetch = Fetch { client, question, progress: &progress, patience: self.source.patience() };
        if view != ReportView::Table {
            let print = |bytes: &[u8]| screen.write(bytes).map(|()| !screen.is_closed());
            interruptible(fetch.print(print)).await.map_err(CliError::Failed)?;
            // JSON ends without a line end, where a prompt would follow.
            if view == ReportView::Json {
                screen.write(b"\n")?;
            }
            return Ok(screen.flush()?);
        }
        let zone = TimeZoneOfTable::of(self.source.value("time-zone"), self.source.value("t-unit"));
        let mut table = ReportTable::new(screen, zone);
        interruptible(fetch.print(|bytes| table.take(bytes))).await.map_err(CliError::Failed)?;
        if !table.finish()? {
            // A closed stderr is no reason to fail.
            let _ = writeln!(std::io::stderr(), "no rows");
        }
        Ok(())
    }
}
