//! The statements of breakdowns: their scope, and that no value changes them.

use proptest::prelude::*;

use super::schema::Schema;
use super::tests::{NOW, schema};
use super::{ReadMode, Statement, distinct_of_others, groups};
use crate::query::filter::Filter;
use crate::query::sampling::Sampling;
use crate::query::scope::{OperatorScope, Scope};
use crate::query::zone::{Calendar, find};
use crate::report::breakdown::{Breakdown, BreakdownAsk, Compare, OwnAccount, Terms, Whose};
use crate::report::form::ResultForm;
use crate::report::groups::{DIMENSIONS, Dimension};
use crate::report::measure::{MEASURES, Measure};
use crate::report::param::Role;
use crate::report::query::Records;
use crate::report::{BREAKDOWNS, OPERATORS_BREAKDOWNS, Report};

/// A breakdown of these accounts of tenant 7, of January 2026.
fn ask(report: &'static Report, accounts: &[u32], by: &[Dimension], measures: &[Measure]) -> BreakdownAsk {
    let own = |id: &u32| OwnAccount {
        scope: Scope::proven(7, *id),
        uuid: uuid::Uuid::from_u128((*id).into()),
        name: "Acme' \\ {p0:String}".into(),
    };
    let terms = Terms {
        report: report.name,
        records: report.records,
        whose: Whose::Accounts(accounts.iter().map(own).collect()),
        masked: 0,
        by: by.to_vec(),
        measures: measures.to_vec(),
        filters: Vec::new(),
        digits: (2, 3),
        short_seconds: 15,
        order: Vec::new(),
        limit: 100,
        min_calls: 0,
        decimals: 2,
        series: None,
        form: ResultForm::default(),
    };
    BreakdownAsk {
        terms,
        from: 1_767_225_600,
        to: Some(1_769_903_999),
        sampling: Sampling::Day,
        calendar: Calendar::of(find("UTC").unwrap()),
        compare: None,
        has_currencies: true,
    }
}

const ROUTES: [ReadMode; 3] = [ReadMode::Named, ReadMode::Engine, ReadMode::Calls];

/// Every statement of a breakdown.
fn statements(breakdown: &Breakdown) -> Vec<Statement> {
    let shown = [vec!["3-n".to_owned(), "' OR 1=1 --".to_owned()], vec!["n".to_owned()]];
    ROUTES
        .into_iter()
        .flat_map(|mode| {
            [
                groups(breakdown, &schema(), mode, (1000, NOW)),
                distinct_of_others(breakdown, &schema(), mode, &shown, NOW),
            ]
        })
        .collect()
}

fn measures() -> Vec<Measure> {
    MEASURES.iter().map(|row| row.measure).filter(|measure| *measure != Measure::Calls).collect()
}

#[test]
fn every_statement_of_a_breakdown_carries_tenant_and_account() {
    let mut count = 0;
    for report in BREAKDOWNS {
        let side = report.records.side();
        let (tenant, account) = (side.tenant().name(), side.account().name());
        let filters: Vec<Filter> = report
            .params()
            .filter_map(|param| match param.role {
                Role::Filter(column, kind) => {
                    let value = ["1", "true", "192.0.2.1"].into_iter().find_map(|value| kind.read(value));
                    Some(Filter { column, test: value? })
                }
                _ => None,
            })
            .collect();
        assert!(filters.len() > 20, "{}", report.name);
        for row in DIMENSIONS.iter().filter(|row| row.sides.contains(&side)) {
            for accounts in [&[11][..], &[11, 12]] {
                for compare in [None, Some(Compare::Previous), Some(Compare::ALL[2].1)] {
                    for filters in std::iter::once(Vec::new()).chain(filters.iter().map(|filter| vec![filter.clone()]))
                    {
                        let mut ask = ask(report, accounts, &[row.by], &measures());
                        (ask.compare, ask.terms.filters) = (compare, filters);
                        let breakdown = ask.plan(NOW).unwrap();
                        for statement in statements(&breakdown) {
                            let mut scans = 0;
                            for scan in statement.text().split(" FROM ").skip(1) {
                                let table = scan.split(" WHERE ").next().unwrap();
                                // Subqueries and the list of parts have no tenant.
                                if table.starts_with('(') || table.starts_with("system.parts") {
                                    continue;
                                }
                                scans += 1;
                                let bound = |before: &str, value: &str| {
                                    let (_, rest) =
                                        scan.split_once(before).unwrap_or_else(|| panic!("{before}: {scan}"));
                                    let place: usize = rest.split_once(':').unwrap().0.parse().unwrap();
                                    assert_eq!(statement.params()[place], value, "{scan}");
                                };
                                bound(&format!(" AND {tenant} = {{p"), "7");
                                match accounts {
                                    [_] => bound(&format!(" WHERE {account} = {{p"), "11"),
                                    _ => bound(&format!(" WHERE {account} IN {{p"), "[11,12]"),
                                }
                            }
                            // Windows that do not overlap share a SELECT, unless a key is of time or others' numbers are counted.
                            let joins = breakdown.before.as_ref().is_some_and(|before| {
                                before.window.to.unwrap() < breakdown.now.window.from && !row.by.is_of_time()
                            }) && statement.text().contains("cdrscope_set");
                            let expected = if compare.is_some() && !joins { 2 } else { 1 };
                            assert_eq!(scans, expected, "{}", statement.text());
                            count += scans;
                        }
                    }
                }
            }
        }
    }
    assert!(count > 10_000, "{count}");
}

/// From all sources: the calls, another order of them, and sums.
#[test]
fn every_statement_of_the_operators_carries_the_lists_of_its_token() {
    let mut sources = std::collections::BTreeSet::new();
    for report in OPERATORS_BREAKDOWNS {
        for (customers, vendors) in [(&[][..], &[9][..]), (&[5], &[]), (&[5, 6], &[9, 8])] {
            for row in DIMENSIONS {
                for measures in [measures(), vec![Measure::TotalCalls, Measure::Asr]] {
                    let mut ask = ask(report, &[], &[row.by], &measures);
                    ask.terms.whose = Whose::Operator(OperatorScope::proven(customers, vendors), Vec::new());
                    ask.compare = Some(Compare::Previous);
                    for statement in statements(&ask.plan(NOW).unwrap()) {
                        for scan in statement.text().split(" FROM ").skip(1) {
                            let table = scan.split(" WHERE ").next().unwrap();
                            if table.starts_with('(') || table.starts_with("system.parts") {
                                continue;
                            }
                            sources.insert(table.to_owned());
                            for (column, ids) in [("customer_id", customers), ("vendor_id", vendors)] {
                                let (one, several) = (format!(" AND {column} = {{p"), format!(" AND {column} IN {{p"));
                                let bound = scan.contains(&one) || scan.contains(&several);
                                assert_eq!(bound, !ids.is_empty(), "{column}: {scan}");
                            }
                        }
                    }
                }
            }
        }
    }
    for name in ["cdrs", "vendor_days", "customer_days", "vendor_causes"] {
        assert!(sources.iter().any(|table| table.contains(name)), "{name}: {sources:?}");
    }
}

#[test]
fn statements_of_breakdowns_read_as_they_are_documented() {
    let [calls, attempts] = [&BREAKDOWNS[0], &BREAKDOWNS[1]];
    let text =
        |ask: BreakdownAsk| groups(&ask.plan(NOW).unwrap(), &schema(), ReadMode::Calls, (1000, NOW)).text().to_owned();
    insta::assert_snapshot!(
        "breakdown_by_country",
        text(ask(calls, &[11], &[Dimension::DstCountry], &[Measure::TotalCalls, Measure::Asr]))
    );
    insta::assert_snapshot!(
        "breakdown_of_accounts_with_attempts",
        text(ask(calls, &[11, 12], &[Dimension::Rate, Dimension::DstPrefix], &[Measure::TotalPrice, Measure::Abr]))
    );
    insta::assert_snapshot!(
        "breakdown_compared_with_delays_and_numbers",
        text(BreakdownAsk {
            compare: Some(Compare::Previous),
            ..ask(
                attempts,
                &[11],
                &[Dimension::Time, Dimension::TermGw],
                &[Measure::PddP95, Measure::DistinctDstNumbers]
            )
        })
    );
}

/// `cdrscope thin` empties every other column of old months.
#[test]
fn every_column_that_a_breakdown_names_stays_in_thinned_months() {
    let columns: Vec<&str> = crate::thin::columns().collect();
    let mut read = std::collections::BTreeSet::new();
    for report in BREAKDOWNS {
        for row in DIMENSIONS.iter().filter(|row| row.sides.contains(&report.records.side())) {
            for billed_duration in [false, true] {
                let breakdown = ask(report, &[11, 12], &[row.by], &measures()).plan(NOW).unwrap();
                let schema = Schema { billed_duration, ..schema() };
                let statement = groups(&breakdown, &schema, ReadMode::Named, (1000, NOW));
                let words = statement.text().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                read.extend(words.filter(|word| columns.contains(word)).map(str::to_owned));
            }
        }
    }
    assert!(read.len() > 25, "{read:?}");
    for column in read {
        assert!(crate::thin::stays(&column), "{column}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// Lists differ in how many values they have, so both values are made of the same number of them.
    #[test]
    fn no_value_of_a_breakdown_changes_the_text(a in "[^,]*", b in "[^,]*", digits in "[0-9]{1,9}", more in "[0-9]{1,9}", one in 1..60_u8, two in 1..60_u8) {
        let masked = OPERATORS_BREAKDOWNS.iter().map(|report| (report, 4));
        for (report, masked) in BREAKDOWNS.iter().map(|report| (report, 0)).chain(masked) {
            for param in report.params() {
                let Role::Filter(column, kind) = param.role else { continue };
                // A flag has two meanings and so two texts, both constant.
                if matches!(kind, crate::query::filter::ParamType::Positive) {
                    continue;
                }
                for (a, b) in [(a.as_str(), b.as_str()), (digits.as_str(), more.as_str())] {
                    let (Some(a), Some(b)) = (kind.read(a), kind.read(b)) else { continue };
                    let made = |test, number: u8| {
                        let by = [Dimension::DstPrefix, Dimension::SrcPrefix];
                        let filters = vec![Filter { column, test }];
                        let mut ask = ask(report, &[number.into()], &by, &measures());
                        (ask.terms.filters, ask.terms.masked) = (filters, masked);
                        (ask.terms.short_seconds, ask.terms.digits) = (number, (1 + number % 15, 1 + number % 9));
                        statements(&ask.plan(NOW).unwrap())
                    };
                    for (a, b) in made(a, one).iter().zip(&made(b, two)) {
                        prop_assert_eq!(a.text(), b.text(), "{}", param.name);
                        prop_assert_eq!(a.params().len(), b.params().len());
                    }
                }
            }
        }
    }

    #[test]
    fn no_name_of_a_shown_group_changes_the_text(a in ".*", b in ".*") {
        for report in BREAKDOWNS {
            let breakdown = ask(report, &[11], &[Dimension::DestinationPrefix], &[Measure::DistinctSrcNumbers]).plan(NOW).unwrap();
            let text = |name: &str| distinct_of_others(&breakdown, &schema(), ReadMode::Named, &[vec![name.to_owned()], vec![name.to_owned()]], NOW).text().to_owned();
            prop_assert_eq!(text(&a), text(&b));
        }
    }
}

#[test]
fn records_of_breakdowns_are_calls_and_attempts() {
    assert!(
        matches!(BREAKDOWNS[0].records, Records::Calls(_)) && matches!(BREAKDOWNS[1].records, Records::Attempts(_))
    );
}
