//! The statements of raw CDRs: their scope, and that no value changes them.

use proptest::prelude::*;

use super::tests::schema;
use super::{Statement, cdr_count, cdr_edge, cdr_file, cdr_page};
use crate::query::filter::{Column, Filter, Test, TextOp};
use crate::query::scope::{OperatorScope, Scope};
use crate::report::breakdown::{OwnAccount, Whose};
use crate::report::cdrs::CdrQuery;
use crate::report::cdrs::columns::CDR_COLUMNS;
use crate::report::cdrs::cursor::CdrCursor;
use crate::report::form::{FORMATS, ResultForm, ResultFormat};
use crate::report::plan::Window;
use crate::report::{CDRS, OPERATORS_CDRS, Report};

/// A page of all columns that begins behind a cursor.
fn query(report: &'static Report, whose: Whose) -> CdrQuery {
    CdrQuery {
        report: report.name,
        records: report.records,
        whose,
        masked: 4,
        columns: CDR_COLUMNS.iter().collect(),
        filters: vec![Filter {
            column: Column::DstPrefixRouting,
            test: Test::Text(TextOp::StartsWith, vec!["44".into(), "49".into()]),
        }],
        window: Window { from: 1_767_225_600, to: Some(1_769_903_999) },
        zone: "Europe/Kyiv".into(),
        // A change of clocks within the window.
        offsets: vec![(1_768_000_000, 7200), (i64::MAX, 10_800)],
        after: Some(CdrCursor { time: 1_767_300_000, id: "77".into(), given: 2 }),
        until: Some(CdrCursor { time: 1_767_400_000, id: "99".into(), given: 1 }),
        limit: Some(1001),
        form: ResultForm::default(),
    }
}

fn own(account: u32) -> Whose {
    let scope = Scope::proven(7, account);
    Whose::Accounts(vec![OwnAccount { scope, uuid: uuid::Uuid::nil(), name: "Acme' \\ {p0:String}".into() }])
}

fn statements(query: &CdrQuery) -> [Statement; 4] {
    let schema = schema();
    [cdr_page(query, &schema), cdr_file(query, &schema), cdr_count(query, &schema), cdr_edge(query, 1000, &schema)]
}

#[test]
fn every_statement_of_cdrs_carries_tenant_and_account() {
    for report in CDRS {
        let side = report.records.side();
        for statement in statements(&query(report, own(42))) {
            let text = statement.text();
            // Each of its SELECTs from the table has the whole predicate.
            let reads = text.matches(" FROM cdrs WHERE ").count();
            for column in [side.account().name(), side.tenant().name()] {
                assert_eq!(text.matches(&format!("{column} = {{p")).count(), reads, "{text}");
            }
            assert!(
                reads >= 1
                    && statement.params().contains(&"42".to_owned())
                    && statement.params().contains(&"7".to_owned())
            );
        }
    }
}

#[test]
fn an_operators_statement_of_cdrs_carries_the_lists_of_its_token() {
    for report in OPERATORS_CDRS {
        let whose = Whose::Operator(OperatorScope::proven(&[5, 6], &[70]), Vec::new());
        for statement in statements(&query(report, whose)) {
            let text = statement.text();
            let reads = text.matches(" FROM cdrs WHERE ").count();
            assert_eq!(text.matches("customer_id IN {p").count(), reads, "{text}");
            assert_eq!(text.matches("vendor_id = {p").count(), reads, "{text}");
        }
    }
}

#[test]
fn numbers_are_masked_and_texts_of_csv_are_no_formulas() {
    let mut query = query(&OPERATORS_CDRS[0], own(42));
    for row in FORMATS {
        query.form = ResultForm::of(row.format);
        let text = cdr_file(&query, &schema()).text().to_owned();
        for column in
            ["src_prefix_in", "dst_prefix_in", "src_prefix_routing", "dst_prefix_routing", "dst_prefix_out", "lrn"]
        {
            assert!(text.contains(&format!("leftUTF8(toValidUTF8({column}), -4)")), "{column}");
            assert!(!text.contains(&format!(", {column} AS `")), "{column}");
        }
        assert_eq!(text.contains("ascii(toValidUTF8(orig_call_id))"), row.format.is_csv());
    }
}

#[test]
fn a_page_of_a_customers_calls() {
    let mut query = query(&CDRS[0], own(42));
    query.columns.retain(|column| ["id", "time_start", "customer_price", "pdd"].contains(&column.name));
    query.until = None;
    insta::assert_snapshot!(cdr_page(&query, &schema()).text());
    query.form = ResultForm::of(ResultFormat::Parquet);
    (query.limit, query.after) = (None, None);
    insta::assert_snapshot!(cdr_file(&query, &schema()).text());
}

#[test]
fn a_file_that_others_go_on_behind() {
    let mut query = query(&CDRS[0], own(42));
    query.columns.retain(|column| ["id", "time_start"].contains(&column.name));
    (query.filters, query.limit) = (Vec::new(), None);
    insta::assert_snapshot!(cdr_edge(&query, 1000, &schema()).text());
    insta::assert_snapshot!(cdr_count(&query, &schema()).text());
    query.form = ResultForm::of(ResultFormat::Csv);
    insta::assert_snapshot!(cdr_file(&query, &schema()).text());
}

proptest! {
    #[test]
    fn no_value_changes_the_text_of_cdrs(
        zone in "\\PC*", text in "\\PC*", time in 1_767_225_600..1_769_903_999_i64, id in "[0-9]{1,20}", given in 1..u32::MAX,
    ) {
        let mut other = query(&CDRS[0], own(43));
        other.zone = format!("x{zone}");
        other.filters = vec![Filter {
            column: Column::DstPrefixRouting,
            test: Test::Text(TextOp::StartsWith, vec![text, "4".into()]),
        }];
        other.after = Some(CdrCursor { time, id, given });
        let one = query(&CDRS[0], own(42));
        for (one, other) in statements(&one).iter().zip(&statements(&other)) {
            prop_assert_eq!(one.text(), other.text());
        }
    }
}
