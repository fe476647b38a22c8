//! Results as files: their names, and the writers of formats that are more than JSON.

use actix_web::HttpRequest;
use jiff::tz::TimeZone;

use super::disposition::FileName;
use super::error::ApiError;
use super::reply::{Delivery, Empty};
use crate::format::AnyWriter;
use crate::format::rows::{FileColumn, FileRows, NoRows};
use crate::report::form::ResultForm;
use crate::report::groups::Dimension;
use std::sync::Arc;

/// A query, as far as its file tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// Name of the report.
    pub report: &'static str,
    /// Name of the account, where it is about one.
    pub account: Option<&'a str>,
    /// First and last second of the window; the last is absent where it is open.
    pub window: Option<(i64, Option<i64>)>,
    /// The zone of its dates.
    pub zone: &'a TimeZone,
    /// The dimensions, without the time.
    pub by: &'a [Dimension],
}

/// The form in which a result leaves, and all that it is told with.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// The format and what was chosen about it.
    pub form: ResultForm,
    /// Headers of the response.
    pub delivery: Delivery,
}

impl Output {
    /// The output of a query.
    pub fn new(form: ResultForm, about: About<'_>, _request: &HttpRequest) -> Self {
        let by: Vec<&str> = about.by.iter().filter(|by| **by != Dimension::Time).map(|by| by.row().name).collect();
        let About { report, account, window, zone, .. } = about;
        let name = FileName { report, account, window, zone, by: &by }.header(form.format);
        Self { form, delivery: Delivery { format: form.format, name } }
    }

    /// The writer of a file of these rows.
    ///
    /// # Errors
    /// The format is none of files.
    pub async fn writer(&self, rows: impl FileRows) -> Result<AnyWriter, ApiError> {
        AnyWriter::of_rows(rows, self.form).ok_or(ApiError::Internal)
    }

    /// The writer of the answer about a window that has not begun: an empty list, or a file of a heading alone.
    ///
    /// # Errors
    /// As [`Output::writer`].
    pub async fn nothing(&self, columns: Arc<[FileColumn]>) -> Result<AnyWriter, ApiError> {
        match self.form.format.is_json() {
            true => Ok(AnyWriter::new(Empty)),
            false => self.writer(NoRows(columns)).await,
        }
    }
}
