//! One answer, four ways: from sums by minute, from memory (made anew and remembered), and from a full scan of another table
//! with the same calls in another order and prices as floats. All equal to the byte.

use crate::ask::{Filter, MINUTE, QUALITY, QUARTER, Question, STATISTICS};
use crate::cold::{COLD, SIZES};
use crate::report::{Report, count};
use crate::wire::Wire;
use crate::world::{DAY, FROM, TO, World};
use crate::{Pace, Result};

/// Compares a sample.
pub async fn measure(world: &World, _: Pace, report: &mut Report) -> Result<()> {
    let scanned = [COLD[0], ("CDRSCOPE_TABLES_CDRS", "bench.month")];
    let services = [world.serve("month", &scanned)?, world.serve("month", COLD)?, world.serve("month", &[])?];
    let mut wires = Vec::new();
    // The last is asked twice: what it makes and what it remembers.
    for service in services.iter().chain(services.last()) {
        wires.push(Wire::connect(&service.authority).await?);
    }
    let (mut compared, mut different) = (0, Vec::new());
    for id in SIZES {
        let account = world.account(id)?;
        for question in sample(&Question::quality(&account, FROM, TO, QUARTER)) {
            let mut bodies = Vec::new();
            for wire in &mut wires {
                let status = wire.ask(&question.request("")).await?;
                if status != 200 {
                    return Err(format!("{question:?}: status {status}: {}", wire.text()).into());
                }
                bodies.push(wire.body().to_vec());
            }
            compared += 1;
            if bodies.windows(2).any(|two| two[0] != two[1]) {
                different.push(format!(
                    "account {id}, {} from {} by {}",
                    question.report, question.from, question.sampling.0
                ));
            }
        }
    }
    let cells = [
        format!("{} answers of each", count(compared)),
        format!("{} differ {}", different.len(), different.join("; ")),
        String::new(),
        "0".to_owned(),
    ];
    report.row(
        "answers of a full scan, of sums by minute, made for memory, from memory",
        cells,
        Some(different.is_empty()),
    );
    Ok(())
}

fn sample<'a>(month: &Question<'a>) -> Vec<Question<'a>> {
    let filter = |name, value: &str| Some(Filter { name, condition: "", value: value.to_owned() });
    let odd = (FROM + 3 * DAY + 12_345, Some(FROM + 4 * DAY + 6_789));
    let statistics = |name, seconds| Question { report: STATISTICS, sampling: (name, seconds), ..month.clone() };
    vec![
        month.clone(),
        Question { sampling: MINUTE, from: FROM + 9 * DAY, to: Some(FROM + 10 * DAY - 1), ..month.clone() },
        Question { sampling: MINUTE, from: odd.0, to: odd.1, ..month.clone() },
        Question { sampling: ("5minutes", 300), from: odd.0, to: odd.1, ..month.clone() },
        Question { from: odd.0, to: None, ..month.clone() },
        statistics("hour", 3600),
        statistics("day", 0),
        statistics("day&time-zone=America/New_York", 0),
        statistics("week", 0),
        statistics("month", 0),
        Question { from: odd.0, to: odd.1, ..statistics("hour", 3600) },
        Question { filter: filter("dst-prefix-routing-starts-with", "49"), ..month.clone() },
        Question { filter: filter("dst-prefix-routing-contains", "404"), ..month.clone() },
        Question { filter: filter("dst-country-id", "1"), ..month.clone() },
        Question { filter: filter("duration-gt", "60"), report: QUALITY, ..month.clone() },
        Question { filter: filter("customer-price-lt", "0.05"), ..statistics("day", 0) },
    ]
}
