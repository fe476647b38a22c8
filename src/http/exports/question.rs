//! The question of an export: which report, and the check of its parameters by the code that answers the same at once.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::test::TestRequest;
use actix_web::web::Data;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::super::error::ApiError;
use super::super::operators;
use super::super::params::{BadParam, Pairs};
use super::super::state::State;
use super::super::{breakdowns, cdrs, reports};
use super::maker::{MadeFor, Maker};
use crate::jobs::JobAsk;
use crate::report::form::ResultFormat;
use crate::report::{BREAKDOWNS, CDRS, REPORTS, Report};

/// The parameter that names the report.
pub const REPORT: &str = "report";

/// The format of a file that names none.
const USUAL: &str = "csv";

/// Bytes that cannot stand in an address; callers may have written them in a form.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'#');

/// The lists of the reports that customers may export.
pub const CUSTOMERS_REPORTS: [&[Report]; 3] = [REPORTS, BREAKDOWNS, CDRS];

/// The names of the operator's reports, as its paths have them.
pub const OPERATORS_REPORTS: [&str; 3] = ["breakdown", "statistics", "cdrs"];

/// A report that can be exported.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exported {
    Report(&'static Report),
    Breakdown(&'static Report),
    Cdrs(&'static Report),
    OperatorsBreakdown,
    OperatorsStatistics,
    OperatorsCdrs,
}

impl Exported {
    /// The report of that name in the API of a maker.
    pub(super) fn find(name: &str, maker: &Maker) -> Option<Self> {
        if matches!(maker.who, MadeFor::Operator(_)) {
            return match name {
                "breakdown" => Some(Self::OperatorsBreakdown),
                "statistics" => Some(Self::OperatorsStatistics),
                "cdrs" => Some(Self::OperatorsCdrs),
                _ => None,
            };
        }
        let among = |all: &'static [Report]| all.iter().find(|report| report.name == name);
        let [reports, breakdowns, cdrs] = CUSTOMERS_REPORTS;
        let report = among(reports).map(Self::Report);
        report.or_else(|| among(breakdowns).map(Self::Breakdown)).or_else(|| among(cdrs).map(Self::Cdrs))
    }

    /// True for calls one by one, which take a right of their own.
    pub(super) fn is_of_calls(self) -> bool {
        matches!(self, Self::Cdrs(_) | Self::OperatorsCdrs)
    }
}

/// Takes the report's name out of the parameters, and names a format where they do not.
///
/// # Errors
/// There is no such report.
pub(super) fn read(text: &str, maker: &Maker) -> Result<(JobAsk, String), BadParam> {
    let name_of = |pair: &str| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    let report = {
        let pairs = Pairs::parse(text);
        let named = pairs.get(REPORT).ok_or_else(|| BadParam::Missing(vec![REPORT]))?;
        String::from_utf8(named.to_vec()).map_err(|_bytes| BadParam::Invalid(REPORT))?
    };
    Exported::find(&report, maker).ok_or(BadParam::Invalid(REPORT))?;
    let others = text.split('&').filter(|pair| !pair.is_empty() && name_of(pair) != REPORT);
    let mut question = others.collect::<Vec<_>>().join("&");
    let has_format = Pairs::parse(&question).get("format").is_some();
    if !has_format {
        question.push_str(if question.is_empty() { "format=" } else { "&format=" });
        question.push_str(USUAL);
    }
    let question: Cow<'_, str> = utf8_percent_encode(&question, UNSAFE).into();
    let format = Pairs::parse(&question).get("format").map(|format| String::from_utf8_lossy(format).into_owned());
    let asked = JobAsk { report: report.clone(), question: question.into_owned(), format: format.unwrap_or_default() };
    Ok((asked, report))
}

/// The request that asks the same at once.
pub(super) fn request(asked: &JobAsk, maker: &Maker, state: &Arc<State>) -> Result<HttpRequest, ApiError> {
    let address = format!("{}/{}?{}", maker.api(), asked.report, asked.question);
    // The library's constructor panics at an address that does not read.
    let address: actix_web::http::Uri = address.parse().map_err(|_bad| BadParam::Invalid("request"))?;
    // The library makes requests beside a connection by this type alone.
    let request = TestRequest::default().uri(&address.to_string()).app_data(Data::new(Arc::clone(state)));
    Ok(request.to_http_request())
}

/// Checks a question, without asking it.
///
/// # Errors
/// As the report's own path has them, and a format that is no file's.
pub(super) async fn check(asked: &JobAsk, maker: &Maker, state: &Arc<State>) -> Result<(), ApiError> {
    let exported = Exported::find(&asked.report, maker).ok_or(BadParam::Invalid(REPORT))?;
    let request = request(asked, maker, state)?;
    let format = match (exported, &maker.who) {
        (Exported::Report(report), MadeFor::Customer(caller)) => {
            reports::check(report, caller, &request, state).await?
        }
        (Exported::Breakdown(report), MadeFor::Customer(caller)) => {
            breakdowns::check(report, caller, &request, state).await?
        }
        (Exported::Cdrs(report), MadeFor::Customer(caller)) => cdrs::check(report, caller, &request, state)?,
        (Exported::OperatorsBreakdown, MadeFor::Operator(who)) => {
            operators::check_breakdown(who, &request, state).await?
        }
        (Exported::OperatorsStatistics, MadeFor::Operator(who)) => {
            operators::check_statistics(who, &request, state).await?
        }
        (Exported::OperatorsCdrs, MadeFor::Operator(who)) => operators::check_cdrs(who, &request, state)?,
        // A name is found in the maker's own API.
        _ => return Err(ApiError::Internal),
    };
    is_file(format)?;
    Ok(())
}

fn is_file(format: ResultFormat) -> Result<(), BadParam> {
    if format.is_json() { Err(BadParam::NoFile(format.row().name)) } else { Ok(()) }
}
