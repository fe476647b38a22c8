//! Results as files: their names, and the writers of formats that are more than JSON.

use std::sync::Arc;

use actix_web::HttpRequest;
use jiff::tz::TimeZone;

use super::disposition::FileName;
use super::error::ApiError;
use super::reply::{Delivery, Empty};
use super::state::State;
use crate::config::Reports;
use crate::format::AnyWriter;
use crate::format::rows::{FileColumn, FileRows, NoRows};
use crate::format::xlsx::Cover;
use crate::query::zone;
use crate::report::Side;
use crate::report::breakdown::Compare;
use crate::report::form::{ResultForm, ResultFormat};
use crate::report::groups::Dimension;
use crate::report::measure::Measure;
use crate::report::plan::Window;

/// A query, as far as its file tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// Name of the report.
    pub report: &'static str,
    /// The side of its calls.
    pub side: Side,
    /// Name of the account, where it is about one.
    pub account: Option<&'a str>,
    /// First and last second of the window; the last is absent where it is open.
    pub window: Option<(i64, Option<i64>)>,
    /// The zone of its dates.
    pub zone: &'a TimeZone,
    /// The dimensions.
    pub by: &'a [Dimension],
    /// The measures.
    pub measures: &'a [Measure],
    /// The window compared with.
    pub compare: Option<Compare>,
}

/// A line of the sheet that tells the query.
fn line(name: &str, value: String) -> [String; 2] {
    [name.to_owned(), value]
}

/// A second by the wall clock of a zone, with its offset.
fn moment(zone: &TimeZone, second: i64) -> String {
    let at = zone::timestamp(second);
    format!("{} {}", zone.to_datetime(at).strftime("%F %T"), zone.to_offset(at))
}

impl About<'_> {
    fn name(&self) -> FileName<'_> {
        let Self { report, account, window, zone, .. } = *self;
        let by = self.by.iter().filter(|by| **by != Dimension::Time).map(|by| by.row().name).collect();
        FileName { report, account, window, zone, by }
    }

    /// The sheet that tells the query. It names no time but those of the query: the same question has the same bytes.
    pub fn cover(&self, request: &HttpRequest, reports: &Reports) -> Cover {
        let time = |second: i64| moment(self.zone, second);
        let mut lines = vec![line("report", self.report.to_owned()), line("url", request.uri().to_string())];
        lines.extend(self.account.map(|account| line("account", account.to_owned())));
        if let Some((from, to)) = self.window {
            lines.push(line("from", time(from)));
            lines.push(line("to", to.map_or_else(|| "open: all calls up to the answer".to_owned(), time)));
        }
        lines.push(line("time zone", self.zone.iana_name().unwrap_or("UTC").to_owned()));
        if let Some(compare) = self.compare {
            let word = Compare::ALL.iter().find(|(_, of)| *of == compare).map_or("", |(word, _)| word);
            lines.push(line("compared with", word.to_owned()));
        }
        let definition = |measure: &Measure| {
            let row = measure.row();
            let definition = (row.definition)(self.side, reports);
            [row.name.to_owned(), row.label.to_owned(), row.unit.word(reports).to_owned(), definition]
        };
        let definitions = self.measures.iter().map(definition).collect();
        Cover { zone: self.zone.clone(), lines, defined: "measure", definitions }
    }
}

/// The form in which a result leaves, and all that it is told with.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// The format and what was chosen about it.
    pub form: ResultForm,
    /// Headers of the response.
    pub delivery: Delivery,
    /// The sheet that tells the query, of a workbook.
    cover: Option<Cover>,
}

impl Output {
    /// The output of a query.
    pub fn new(form: ResultForm, about: About<'_>, (request, state): (&HttpRequest, &State)) -> Self {
        let name = about.name().header(form.format);
        let has_cover = form.format == ResultFormat::Xlsx;
        let cover = has_cover.then(|| about.cover(request, &state.config.reports));
        Self { form, delivery: Delivery { format: form.format, name }, cover }
    }

    /// The same, telling the window compared with too.
    pub fn beside(mut self, before: Option<Window>) -> Self {
        if let (Some(cover), Some(Window { from, to })) = (&mut self.cover, before) {
            let last = to.map_or_else(|| "open".to_owned(), |to| moment(&cover.zone, to));
            cover.lines.extend([line("compared from", moment(&cover.zone, from)), line("compared to", last)]);
        }
        self
    }

    /// The writer of a file of these rows.
    ///
    /// # Errors
    /// The format is none of files, or the workbook was not written.
    pub async fn writer(&self, rows: impl FileRows, tenant: u32, state: &State) -> Result<AnyWriter, ApiError> {
        match &self.cover {
            Some(cover) => Ok(AnyWriter::new(state.workbooks.write(tenant, rows, cover.clone()).await?)),
            None => AnyWriter::of_rows(rows, self.form).ok_or(ApiError::Internal),
        }
    }

    /// The writer of the answer about a window that has not begun: an empty list, or a file of a heading alone.
    ///
    /// # Errors
    /// As [`Output::writer`].
    pub async fn nothing(&self, columns: Arc<[FileColumn]>, tenant: u32, state: &State) -> Result<AnyWriter, ApiError> {
        match self.form.format.is_json() {
            true => Ok(AnyWriter::new(Empty)),
            false => self.writer(NoRows(columns), tenant, state).await,
        }
    }
}
