//! Raw CDRs: which of them, which of their columns, and where a page of them begins.

pub mod columns;
pub mod cursor;

use super::breakdown::Whose;
use super::form::ResultForm;
use super::plan::Window;
use super::query::Records;
use crate::query::filter::Filter;
use columns::CdrColumn;
use cursor::{CdrCursor, QuestionPrint};

/// CDRs of a page unless a caller says otherwise.
pub const USUAL_LIMIT: usize = 1000;

/// Most CDRs of a page.
pub const MOST_LIMIT: usize = 10_000;

/// Most CDRs that a caller may bound a file to; `exports.max_rows` bounds every file.
pub const MOST_FILE_LIMIT: usize = 10_000_000;

/// Most columns that a caller may name.
pub const MOST_COLUMNS: usize = 100;

/// A question for CDRs: which of them, and which columns. The order is always by time, then by id.
#[derive(Clone, Debug)]
pub struct CdrQuery {
    /// Name of the report, for logs, metrics and the file.
    pub report: &'static str,
    /// Calls or attempts of a side.
    pub records: Records,
    /// The owners of the calls.
    pub whose: Whose,
    /// Characters at the end of each number that the caller may not see.
    pub masked: u8,
    /// The columns, in the order of the answer.
    pub columns: Vec<&'static CdrColumn>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// When the calls began.
    pub window: Window,
    /// IANA name of the zone that times are written in.
    pub zone: String,
    /// Its offsets from UTC as (end, seconds): each holds before its end, in epoch seconds.
    pub offsets: Vec<(i64, i64)>,
    /// The place behind which the CDRs begin; the window's beginning if absent.
    pub after: Option<CdrCursor>,
    /// The last time and id, in a file that others go on behind: all CDRs up to them, and all of that time and id.
    pub until: Option<CdrCursor>,
    /// Most CDRs; all if absent.
    pub limit: Option<usize>,
    /// The form of the answer.
    pub form: ResultForm,
}

impl CdrQuery {
    /// The tenant on whose account it is asked.
    pub fn tenant(&self) -> u32 {
        self.whose.tenant()
    }

    /// The fingerprint that its cursors have: of side, owners, hidden characters, filters and columns. Cursors count CDRs of
    /// one second and id among those, in an order that goes on by the columns. Window, zone and format may be others.
    pub fn fingerprint(&self) -> QuestionPrint {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        let accounts: Vec<_> = self.whose.accounts().iter().map(|account| account.scope).collect();
        let scope = match &self.whose {
            Whose::Accounts(_) => None,
            Whose::Operator(scope, _) => Some(scope),
        };
        // What these types print differs wherever they do.
        let question = (self.records, accounts, scope, self.masked, columns, &self.filters);
        cursor::fingerprint(&format!("{question:?}"))
    }

    /// True where the table has the calls in the order of the answer: those of one account on the side of origination.
    pub fn is_in_order(&self) -> bool {
        let is_of_one = matches!(&self.whose, Whose::Accounts(accounts) if accounts.len() == 1);
        is_of_one && matches!(self.records, Records::Calls(_))
    }
}
