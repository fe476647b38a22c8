//! The kinds of rows that cannot be what a switch meant, in one table: name, the sentence that a person reads, and the
//! condition over the columns that the settings name.

use crate::report::Table;
use crate::sql::schema::TableSchema;
use crate::tables;

/// A way in which a row is odd.
#[derive(Debug)]
pub struct OddKind {
    /// Its name in metrics and settings.
    pub name: &'static str,
    /// The table whose rows are looked at.
    pub table: Table,
    /// The fault of such a row, as a clause behind "rows".
    pub says: &'static str,
    /// A row is odd if one of these holds; those whose columns the table lacks are left out.
    tests: &'static [KindTest],
    /// A condition that some row of the table has to meet before rows of the kind are odd.
    pub beside: Option<KindTest>,
}

/// A condition and the columns it needs. `{column}` in its text stands for the expression of that column, `{max_seconds}` for
/// the longest duration, `{early}` for [`YEAR_1990`] and `{latest}` for [`AHEAD`] of now.
#[derive(Clone, Copy, Debug)]
pub struct KindTest {
    needs: &'static [&'static str],
    sql: &'static str,
}

const fn test(needs: &'static [&'static str], sql: &'static str) -> KindTest {
    KindTest { needs, sql }
}

/// The first second of 1990: there was no call before it that anybody counts.
pub const YEAR_1990: i64 = 631_152_000;
/// Seconds by which clocks and time zones may be ahead.
pub const AHEAD: i64 = 86_400;

/// The kind that compares rows with each other.
pub const TWICE: &str = "id_twice";

/// Every kind there is.
pub const KINDS: &[OddKind] = &[
    OddKind {
        name: "negative_duration",
        table: Table::Cdrs,
        says: "with a duration below 0",
        tests: &[
            test(&["duration"], "{duration} < 0"),
            test(&["customer_duration"], "{customer_duration} < 0"),
            test(&["vendor_duration"], "{vendor_duration} < 0"),
        ],
        beside: None,
    },
    OddKind {
        name: "long_duration",
        table: Table::Cdrs,
        says: "with a duration, or from start to end, over checks.max_duration_days",
        tests: &[
            test(&["duration"], "{duration} > {max_seconds}"),
            test(&["customer_duration"], "{customer_duration} > {max_seconds}"),
            test(&["vendor_duration"], "{vendor_duration} > {max_seconds}"),
            // A start that was a date of zeros, for one.
            test(&["time_start", "time_connect"], "{time_connect} > {time_start} + {max_seconds}"),
            test(&["time_start", "time_end"], "{time_end} > {time_start} + {max_seconds}"),
        ],
        beside: None,
    },
    OddKind {
        name: "start_before_1990",
        table: Table::Cdrs,
        says: "that start before 1990",
        tests: &[test(&["time_start"], "{time_start} < {early}")],
        beside: None,
    },
    OddKind {
        name: "start_in_future",
        table: Table::Cdrs,
        says: "that start, are answered or end more than a day ahead",
        tests: &[
            test(&["time_start"], "{time_start} > {latest}"),
            test(&["time_connect"], "{time_connect} > {latest}"),
            test(&["time_end"], "{time_end} > {latest}"),
        ],
        beside: None,
    },
    // Yeti keeps calls that it refused before it knew the caller, with neither customer nor account: those are usual. A
    // call that was answered or cost something is somebody's.
    OddKind {
        name: "no_customer",
        table: Table::Cdrs,
        says: "without customer or account, though answered, charged or with one of the two",
        tests: &[
            test(
                &["customer_id", "customer_acc_id", "duration", "customer_price"],
                "({customer_id} = 0 OR {customer_acc_id} = 0) \
                 AND ({customer_id} != 0 OR {customer_acc_id} != 0 OR {duration} != 0 OR {customer_price} != 0)",
            ),
            test(
                &["customer_id", "customer_acc_id", "success"],
                "{customer_id} = 0 AND {customer_acc_id} = 0 AND {success} != 0",
            ),
        ],
        beside: None,
    },
    OddKind {
        name: "negative_price",
        table: Table::Cdrs,
        says: "with a price below 0",
        tests: &[test(&["customer_price"], "{customer_price} < 0"), test(&["vendor_price"], "{vendor_price} < 0")],
        beside: None,
    },
    // An attempt that was not answered may be followed by the next one; an answered one is its call's last.
    OddKind {
        name: "not_last",
        table: Table::Cdrs,
        says: "that were answered and lack is_last_cdr, which others have",
        tests: &[test(&["is_last_cdr", "duration"], "{is_last_cdr} = 0 AND {duration} > 0")],
        beside: Some(test(&["is_last_cdr"], "{is_last_cdr} != 0")),
    },
    OddKind {
        name: "times_out_of_order",
        table: Table::Cdrs,
        says: "that were answered or ended before they started, or ended before they were answered",
        tests: &[
            test(&["time_start", "time_connect"], "{time_connect} < {time_start}"),
            test(&["time_start", "time_end"], "{time_end} < {time_start}"),
            test(&["time_connect", "time_end"], "{time_end} < {time_connect}"),
        ],
        beside: None,
    },
    OddKind { name: TWICE, table: Table::Cdrs, says: "with the id of another row", tests: &[], beside: None },
    OddKind {
        name: "active_before_1990",
        table: Table::ActiveCalls,
        says: "of a snapshot before 1990",
        tests: &[test(&["snapshot_timestamp"], "{snapshot_timestamp} < {early}")],
        beside: None,
    },
    OddKind {
        name: "active_in_future",
        table: Table::ActiveCalls,
        says: "of a snapshot more than a day ahead",
        tests: &[test(&["snapshot_timestamp"], "{snapshot_timestamp} > {latest}")],
        beside: None,
    },
    OddKind {
        name: "active_too_long",
        table: Table::ActiveCalls,
        says: "of calls that are up for longer than checks.max_duration_days",
        tests: &[
            test(&["snapshot_timestamp", "connect_time"], "{connect_time} + {max_seconds} < {snapshot_timestamp}"),
            test(&["snapshot_timestamp", "start_time"], "{start_time} + {max_seconds} < {snapshot_timestamp}"),
        ],
        beside: None,
    },
    OddKind {
        name: "active_no_customer",
        table: Table::ActiveCalls,
        says: "without customer or account, though answered or with one of the two",
        tests: &[
            test(
                &["customer_id", "customer_acc_id"],
                "({customer_id} = 0 OR {customer_acc_id} = 0) AND ({customer_id} != 0 OR {customer_acc_id} != 0)",
            ),
            test(
                &["customer_id", "customer_acc_id", "connect_time"],
                "{customer_id} = 0 AND {customer_acc_id} = 0 AND {connect_time} IS NOT NULL",
            ),
        ],
        beside: None,
    },
    OddKind {
        name: "active_out_of_order",
        table: Table::ActiveCalls,
        says: "of calls that were answered before they started",
        tests: &[test(&["start_time", "connect_time"], "{connect_time} < {start_time}")],
        beside: None,
    },
];

impl KindTest {
    /// Its text, with the names of columns in braces.
    pub(super) fn sql(&self) -> &'static str {
        self.sql
    }

    /// Its text over the columns of a table; `None` if the table lacks one.
    pub(super) fn over(&self, table: &TableSchema, max_seconds: u64) -> Option<String> {
        let mut sql = self.sql.replace("{max_seconds}", &max_seconds.to_string());
        sql = sql
            .replace("{early}", &format!("toDateTime({YEAR_1990})"))
            .replace("{latest}", &format!("now() + {AHEAD}"));
        for column in self.needs {
            sql = sql.replace(&format!("{{{column}}}"), expression(table, column)?);
        }
        Some(sql)
    }
}

impl OddKind {
    /// Its tests.
    pub(super) fn tests(&self) -> &'static [KindTest] {
        self.tests
    }

    /// The condition over the columns of a table, true or false and never null.
    ///
    /// # Errors
    /// The columns that the table lacks, if no test is left.
    pub(super) fn condition(&self, table: &TableSchema, max_seconds: u64) -> Result<String, String> {
        let tests: Vec<_> = self.tests.iter().filter_map(|test| test.over(table, max_seconds)).collect();
        if tests.is_empty() {
            let lacking: Vec<_> = self.columns().into_iter().filter(|name| expression(table, name).is_none()).collect();
            return Err(format!("the table has no {}", lacking.join(", ")));
        }
        let tests: Vec<_> = tests.iter().map(|test| format!("ifNull({test}, 0)")).collect();
        Ok(format!("({})", tests.join(" OR ")))
    }

    /// The columns it looks at, each once.
    pub(super) fn columns(&self) -> Vec<&'static str> {
        let mut columns: Vec<&str> = Vec::new();
        for column in self.tests.iter().flat_map(|test| test.needs) {
            if !columns.contains(column) {
                columns.push(column);
            }
        }
        columns
    }
}

/// The expression of a column, if the table has it.
pub(super) fn expression<'a>(table: &'a TableSchema, column: &'a str) -> Option<&'a str> {
    if tables::CHECKED.contains(&column) {
        return table.checked.get(column).map(String::as_str);
    }
    table.has(column).then(|| table.sql(column))
}
