//! The text of every form of statement, and that no value ever changes it.

use proptest::prelude::*;
use time::OffsetDateTime;

use super::schema::{Causes, Schema, TableSchema};
use super::{Read, ReadMode, Set, Statement, select, select_reads};
use crate::config::Config;
use crate::query::column::{COLUMNS, Presence};
use crate::query::filter::{Filter, ParamType};
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::scope::Scope;
use crate::query::zone::{Calendar, find};
use crate::report::form::ResultForm;
use crate::report::param::Role;
use crate::report::plan::{Plan, Request, Window};
use crate::report::query::Records;
use crate::report::{REPORTS, Report, Table, dashboard};

pub(super) const NOW: i64 = 1_780_000_000;

pub(super) fn schema() -> Schema {
    let ours = |name| TableSchema { is_ours: true, has_parts: true, ..TableSchema::plain(name) };
    Schema {
        cdrs: ours("cdrs"),
        active_calls: ours("active_calls"),
        billed_duration: false,
        period_seconds: 60,
        causes: Causes::new(&Config::default().reports),
    }
}

/// A plan of the report with these filters; `None` when a value does not read.
fn plan(report: &'static Report, from: &str, to: Option<&str>, values: &[(&str, &str)]) -> Option<Plan> {
    let mut filters = Vec::new();
    for (name, value) in values {
        let param = report.params().find(|param| param.name == *name)?;
        let Role::Filter(column, kind) = param.role else { return None };
        filters.push(Filter { column, test: kind.read(value)? });
    }
    let sampling = match report.records {
        Records::Calls(_) | Records::Attempts(_) => report.samplings.get(1).copied().unwrap_or(Sampling::Minutes5),
        Records::Concurrency(_) | Records::LiveCalls(_) => Sampling::Minute,
    };
    let live = matches!(report.records, Records::LiveCalls(_));
    let request = Request {
        report,
        scope: Scope::proven(7, 11),
        from: if live { None } else { Instant::parse(from) },
        to: to.and_then(Instant::parse),
        sampling,
        calendar: Calendar::of(find("UTC")?),
        filters,
        fill: None,
        settle: None,
        form: ResultForm::default(),
    };
    request.plan(OffsetDateTime::from_unix_timestamp(NOW).ok()?, 1_000_000).ok()
}

fn text(name: &str, from: &str, to: Option<&str>, values: &[(&str, &str)]) -> String {
    let report = crate::report::find(name).unwrap();
    let plan = plan(report, from, to, values).unwrap();
    // Where projections cannot be told apart from the table there is one text, as for live calls.
    let texts = [ReadMode::Named, ReadMode::Engine, ReadMode::Calls].map(|mode| {
        let statement = select(&plan, &schema(), mode);
        format!("{}\n{:?}", statement.text(), statement.params())
    });
    let [named, engine, calls] = &texts;
    if named == engine && engine == calls { named.clone() } else { texts.join("\n\n") }
}

#[test]
fn whole_minutes_without_filters_come_from_the_projection() {
    insta::assert_snapshot!(text("origination-statistics-quality", "2026-01-01", Some("2026-01-01T23:59:59Z"), &[]));
}

#[test]
fn odd_edges_come_from_the_calls() {
    insta::assert_snapshot!(text("termination-statistics", "2026-01-01T00:00:07Z", Some("2026-01-02T00:00:30Z"), &[]));
}

#[test]
fn an_open_window_has_no_end() {
    insta::assert_snapshot!(text("origination-statistics", "2026-01-01", None, &[]));
}

#[test]
fn every_kind_of_filter() {
    let values = [
        ("src-country-id", "1,2"),
        ("dst-country-id-not-eq", "3"),
        ("src-prefix-routing-eq", "a"),
        ("src-prefix-routing-starts-with", "44,49"),
        ("dst-prefix-routing-ends-with", "b"),
        ("dst-prefix-routing-contains", "c"),
        ("dst-prefix-routing-not-eq", "d,e"),
        ("duration-gteq", "5"),
        ("auth-orig-ip", "192.0.2.1"),
        ("customer-price-lt", "0.0000005"),
    ];
    insta::assert_snapshot!(text("origination-statistics-quality", "2026-01-01", Some("2026-01-02"), &values));
}

#[test]
fn live_calls_by_the_minute() {
    let values = [("duration-gt", "5"), ("auth-orig-ip", "2001:db8::1")];
    insta::assert_snapshot!(text("origination-active-calls", "2026-01-01", Some("2026-01-02"), &values));
}

#[test]
fn live_calls_themselves() {
    insta::assert_snapshot!(text("outgoing-active-calls", "", None, &[("connect-time-null", "0")]));
}

#[test]
fn several_reads_in_one_statement() {
    let report = crate::report::find("origination-statistics-quality").unwrap();
    let plan = plan(report, "2026-01-01", Some("2026-01-02"), &[]).unwrap();
    let window = |from, to| Window { from, to: Some(to) };
    let reads = [
        Read { window: window(1_767_225_600, 1_767_239_999), parts: vec![], set: Set::Chunks },
        Read { window: window(1_767_240_000, 1_767_254_399), parts: vec!["202601_7_7_0".into()], set: Set::Chunks },
        Read { window: window(1_767_254_400, 1_767_254_430), parts: vec![], set: Set::Edges },
        Read { window: window(1_767_254_460, 1_767_254_519), parts: vec![], set: Set::Seconds },
    ];
    let texts = [ReadMode::Named, ReadMode::Engine].map(|mode| {
        let statement = select_reads(&plan, &schema(), &reads, mode);
        format!("{}\n{:?}", statement.text(), statement.params())
    });
    insta::assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn a_destination_over_days_comes_from_its_own_order_and_months() {
    let values = [("dst-country-id", "4"), ("dst-prefix-routing-starts-with", "44")];
    insta::assert_snapshot!(text("origination-statistics", "2025-12-30T00:00:01Z", Some("2026-01-05"), &values));
}

#[test]
fn effective_calls_are_told_by_cause_or_code() {
    insta::assert_snapshot!(text("termination-effectiveness", "2026-01-01", Some("2026-01-01T23:59:59Z"), &[]));
}

#[test]
fn delays_are_counted_by_hundredths() {
    insta::assert_snapshot!(text("origination-delays", "2026-01-01", Some("2026-01-01T23:59:59Z"), &[]));
}

#[test]
fn destinations_are_told_apart_in_every_bucket() {
    insta::assert_snapshot!(text("origination-destinations", "2026-01-01", Some("2026-01-01T23:59:59Z"), &[]));
}

#[test]
fn reads_of_dashboards_keep_keys_and_counts_apart() {
    let window = |from, to| Window { from, to: Some(to) };
    let reads = [
        Read { window: window(1_767_225_600, 1_767_239_999), parts: vec![], set: Set::Chunks },
        Read { window: window(1_767_240_000, 1_767_240_029), parts: vec![], set: Set::Edges },
    ];
    for name in ["origination-delays", "origination-prefixes"] {
        let plan = plan(crate::report::find(name).unwrap(), "2026-01-01", Some("2026-01-02"), &[]).unwrap();
        insta::assert_snapshot!(name, select_reads(&plan, &schema(), &reads, ReadMode::Engine).text());
    }
}

proptest::proptest! {
    /// However long sums are chosen, and wherever a window begins and ends.
    #[test]
    fn pieces_cover_a_window_once(
        from in 1_700_000_000..1_800_000_000_i64,
        length in proptest::prop_oneof![0..7_200_i64, 0..40_000_000_i64],
        (interval, whole) in (proptest::sample::select(vec![60, 300, 900, 1800, 3600]), proptest::sample::select(vec![1, 60, 900, 3600])),
        open in proptest::bool::ANY,
    ) {
        use super::piece::{Piece, pieces};
        let plan = plan(crate::report::find("origination-statistics").unwrap(), "2026-01-01", None, &[]).unwrap();
        let plan = Plan { interval, now: 1_850_000_000, ..plan };
        let from = from / whole * whole;
        let to = if open { None } else { Some((from + length) / whole * whole + whole - 1) };
        for (set, mode) in [(Set::Chunks, ReadMode::Named), (Set::Edges, ReadMode::Engine), (Set::Seconds, ReadMode::Named)] {
            let read = Read { window: Window { from, to }, parts: Vec::new(), set };
            let mut next = Some(from);
            for piece in pieces(&plan, &schema(), &read, mode) {
                let (begin, end) = match piece {
                    Piece::Sums { unit, from, end } => {
                        let whole = |at: i64| at % unit.seconds() == 0;
                        proptest::prop_assert!(whole(from) && end.is_none_or(whole), "{piece:?}");
                        proptest::prop_assert_eq!(set.interval(&plan) % unit.seconds(), 0, "{:?}", piece);
                        (from, end)
                    }
                    Piece::Calls { window, .. } => (window.from, window.to.map(|to| to + 1)),
                };
                proptest::prop_assert_eq!(next, Some(begin), "{:?}", piece);
                proptest::prop_assert!(end.is_none_or(|end| begin < end), "{piece:?}");
                next = end;
            }
            proptest::prop_assert_eq!(next, to.map(|to| to + 1));
        }
    }
}

#[test]
fn every_statement_over_calls_carries_tenant_and_account() {
    let window = |from, to| Window { from, to: Some(to) };
    let mut seen = std::collections::BTreeSet::new();
    for report in REPORTS.iter().chain(dashboard::REPORTS) {
        let (tenant, account) = (report.records.side().tenant().name(), report.records.side().account().name());
        // Odd seconds at both ends of seven months, and a destination over some days: calls, minutes, longer sums, other orders.
        let filters: &[&[(&str, &str)]] = match report.records.table() {
            Table::Cdrs => &[&[], &[("dst-country-id", "4")]],
            Table::ActiveCalls => &[&[]],
        };
        for (filters, (from, to)) in filters.iter().flat_map(|filters| {
            [("2026-01-01T00:00:07Z", None), ("2025-06-01T00:10:07Z", Some("2026-01-01T05:06:07Z"))]
                .map(|window| (filters, window))
        }) {
            let Some(plan) = plan(report, from, to, filters) else { continue };
            let reads = [
                Read { window: window(1_767_225_600, 1_767_239_999), parts: vec![], set: Set::Chunks },
                Read { window: window(1_767_240_000, 1_767_254_399), parts: vec!["a".into()], set: Set::Chunks },
                Read { window: window(1_767_254_400, 1_767_254_430), parts: vec![], set: Set::Edges },
                Read { window: window(1_767_254_460, 1_767_254_519), parts: vec![], set: Set::Seconds },
            ];
            let by = |interval| Plan { interval, ..plan.clone() };
            let modes = [ReadMode::Named, ReadMode::Engine, ReadMode::Calls];
            for (plan, mode) in
                [by(plan.interval), by(900), by(3600)].iter().flat_map(|plan| modes.map(|mode| (plan, mode)))
            {
                let mut statements = vec![select(plan, &schema(), mode)];
                if report.records.table() == Table::Cdrs {
                    statements.push(select_reads(plan, &schema(), &reads, mode));
                }
                for statement in statements {
                    let mut scans = 0;
                    for scan in statement.text().split(" FROM ").skip(1) {
                        let table = scan.split(" WHERE ").next().unwrap();
                        seen.insert(table.split(' ').take(3).collect::<Vec<_>>().join(" "));
                        // Subqueries, the list of parts, and who posted when whoever's calls it held, have no tenant.
                        if table.starts_with('(') || table == "system.parts" || scan.contains(" WHERE 1 AND ") {
                            continue;
                        }
                        scans += 1;
                        let bound = |column: &str, value: &str| {
                            let (_, rest) =
                                scan.split_once(&format!("{column} = {{p")).unwrap_or_else(|| panic!("{scan}"));
                            let index: usize = rest.split_once(':').unwrap().0.parse().unwrap();
                            assert_eq!(statement.params()[index], value, "{}: {scan}", report.name);
                        };
                        bound(tenant, "7");
                        bound(account, "11");
                    }
                    assert!(scans > 0, "{}", statement.text());
                }
            }
        }
    }
    // Sums by destination are for breakdowns.
    let of_breakdowns = super::destinations::DestinationSums::ALL.map(|sums| sums.projection.name);
    for name in super::projections::ALL.map(|projection| projection.name) {
        assert!(of_breakdowns.contains(&name) || seen.iter().any(|table| table.contains(name)), "{name}: {seen:?}");
    }
}

/// The text for a value of that parameter, wherever the value reads.
fn statement(report: &'static Report, name: &str, value: &str) -> Option<Statement> {
    Some(select(&plan(report, "2026-01-01", Some("2026-01-05"), &[(name, value)])?, &schema(), ReadMode::Named))
}

/// `cdrscope thin` empties every other column of old months.
#[test]
fn every_column_of_calls_that_a_statement_names_stays_in_thinned_months() {
    let columns: Vec<&str> = crate::thin::columns().collect();
    assert_eq!(columns.len(), 154, "{columns:?}");
    let mut read = std::collections::BTreeSet::new();
    for report in REPORTS.iter().chain(dashboard::REPORTS).filter(|report| report.records.table() == Table::Cdrs) {
        let filters = report.params().filter(|param| matches!(param.role, Role::Filter(..)));
        let value = |param: &crate::report::param::Param| match param.role {
            Role::Filter(_, ParamType::Ip) => "192.0.2.1",
            Role::Filter(_, ParamType::Positive) => "true",
            _ => "1",
        };
        let filters = filters.map(|param| vec![(param.name, value(param))]);
        for filter in std::iter::once(Vec::new()).chain(filters) {
            for billed_duration in [false, true] {
                let plan = plan(report, "2026-01-01T00:00:01Z", None, &filter).unwrap();
                for mode in [ReadMode::Named, ReadMode::Engine] {
                    let statement = select(&plan, &Schema { billed_duration, ..schema() }, mode);
                    let words = statement.text().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    read.extend(words.filter(|word| columns.contains(word)).map(str::to_owned));
                }
            }
        }
    }
    assert!(read.len() >= 14, "{read:?}");
    for column in read {
        assert!(crate::thin::stays(&column), "{column}");
    }
    for row in COLUMNS.iter().filter(|row| row.cdrs != Presence::Unread) {
        assert!(columns.contains(&row.name), "{} is no column of cdrs", row.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Lists differ in how many values they have, so both values are made of the same number of them.
    #[test]
    fn no_value_changes_the_text(a in "[^,]*", b in "[^,]*", digits in "[0-9]{1,9}", more in "[0-9]{1,9}") {
        for report in REPORTS {
            // A flag has two meanings and so two texts, both constant.
            let flag = |role| matches!(role, Role::Filter(_, ParamType::Null | ParamType::Positive));
            for param in report.params().filter(|param| !flag(param.role)) {
                for (a, b) in [(a.as_str(), b.as_str()), (digits.as_str(), more.as_str())] {
                    let pair = (statement(report, param.name, a), statement(report, param.name, b));
                    if let (Some(a), Some(b)) = pair {
                        prop_assert_eq!(a.text(), b.text(), "{} {}", report.name, param.name);
                        prop_assert_eq!(a.params().len(), b.params().len());
                    }
                }
            }
        }
    }
}
