//! Example bodies, written by the writers of the real ones.

use std::sync::Arc;

use serde_json::Value;

use crate::columns::buckets::Buckets;
use crate::columns::live::LiveCalls;
use crate::columns::table::BucketTable;
use crate::columns::tsv::Rows;
use crate::config::Config;
use crate::format::Produce;
use crate::format::buckets::Writer;
use crate::format::live::LiveWriter;
use crate::report::Report;
use crate::report::form::ResultForm;
use crate::report::live::{COLUMNS, Cell};
use crate::report::measure::{self, Aggregate};
use crate::report::plan::Grid;

/// Two minutes of calls, as columns or in another form. `None` only if the writers no longer read their own kind of rows.
pub fn buckets(report: &Report, config: &Config, form: ResultForm) -> Option<Value> {
    let sums = measure::aggregates(report.measures);
    let line = |t: i64, row: usize| {
        let fields = sums.iter().map(|sum| sample(*sum)[row]);
        std::iter::once(t.to_string()).chain(fields.map(str::to_owned)).collect::<Vec<_>>().join("\t")
    };
    let mut buckets = Buckets::new(&sums);
    buckets.row(line(1_772_409_600, 0).as_bytes())?;
    buckets.row(line(1_772_409_660, 1).as_bytes())?;
    buckets.totals(line(0, 2).as_bytes())?;
    let table = BucketTable {
        buckets,
        measures: report.measures.into(),
        grid: Grid { first: 1_772_409_600, step: 60, count: 2 },
        fill: true,
        totals: report.records.add_up(),
        acd_unit: config.reports.acd_unit,
        totals_cps: config.reports.totals_cps,
    };
    read(Writer::new(Arc::new(table), form))
}

/// One call that is up.
pub fn live_calls() -> Option<Value> {
    let field = |name: &str, cell: Cell| match (name, cell) {
        ("snapshot_timestamp", _) => "1772409660",
        ("start_time", _) => "1772409600",
        (_, Cell::Time) => "1772409608",
        ("auth_orig_ip", _) => "192.0.2.10",
        ("auth_orig_port", _) => "5060",
        ("src_prefix_in" | "src_prefix_routing", _) => "380441234567",
        ("dst_prefix_in" | "dst_prefix_routing", _) => "442079460123",
        ("destination_prefix", _) => "4420",
        ("destination_initial_rate" | "destination_next_rate", _) => "0.012",
        ("destination_initial_interval" | "destination_next_interval" | "auth_orig_transport_protocol_id", _) => "1",
        (_, Cell::Number) => "0",
        (_, Cell::Text) => "",
    };
    let line: Vec<&str> = COLUMNS.iter().map(|column| field(column.name, column.cell)).collect();
    let mut calls = LiveCalls::default();
    calls.row(line.join("\t").as_bytes())?;
    read(LiveWriter::new(Arc::new(calls), ResultForm::default()))
}

/// A sum of the first minute, of the second and of both.
fn sample(sum: Aggregate) -> [&'static str; 3] {
    match sum {
        Aggregate::Calls => ["180", "140", "320"],
        Aggregate::Answered => ["155", "120", "275"],
        Aggregate::AnsweredSeconds | Aggregate::Seconds => ["45012", "34848", "79860"],
        Aggregate::Effective => ["171", "131", "302"],
        Aggregate::Price => ["21.60576", "16.72704", "38.3328"],
        // No report by time has them.
        _ => ["0", "0", "0"],
    }
}

fn read(mut writer: impl Produce) -> Option<Value> {
    let mut text = Vec::new();
    while writer.produce(&mut text) {}
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::find;
    use crate::report::form::ResultFormat;

    #[test]
    fn the_writers_write_them() {
        let quality = find("origination-statistics-quality").unwrap();
        let columns = buckets(quality, &Config::default(), ResultForm::default()).unwrap();
        insta::assert_snapshot!(columns, @r#"{"data":{"t":[1772409600,1772409660],"total_calls":[180,140],"acd":["4.84","4.84"],"asr":["86.11","85.71"],"cps":["3.0","2.33"]},"rows":2,"totals":{"t":0,"total_calls":320,"acd":"4.84","asr":"85.94","cps":"5.33"}}"#);
        let rows = buckets(quality, &Config::default(), ResultForm::of(ResultFormat::Rows)).unwrap();
        insta::assert_snapshot!(rows, @r#"[{"t":1772409600,"total_calls":180,"acd":4.84,"asr":86.11,"cps":3.0},{"t":1772409660,"total_calls":140,"acd":4.84,"asr":85.71,"cps":2.33}]"#);
        assert_eq!(live_calls().unwrap()["rows"], 1);
    }
}
