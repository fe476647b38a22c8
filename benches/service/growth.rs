//! The same accounts in a table with ten times the CDRs: does a report of one grow with those of the others?

use crate::cold::{COLD, day, month};
use crate::contest::{Side, in_turns};
use crate::report::{Report, millis, times};
use crate::world::{WHOLE, World};
use crate::{Pace, Result};

/// Everything about growth.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let (large, small) = (world.serve("month", COLD)?, world.serve("tenth", COLD)?);
    for id in WHOLE {
        let account = world.account(id)?;
        for (what, question) in [("28 days by 15 min", month(&account)), ("1 day by minute", day(&account))] {
            let mut sides = [
                Side::new(&small.authority, question.request("")).await?,
                Side::new(&large.authority, question.request("")).await?,
            ];
            in_turns(&mut sides, pace).await?;
            let [before, after] = sides.map(|side| side.median());
            let ratio = after / before;
            report.row(
                format!("ten times the CDRs in the table, {what}, account {id}"),
                [millis(before), millis(after), times(ratio), format!("≤ {}", times(1.3))],
                Some(ratio <= 1.3),
            );
        }
    }
    Ok(())
}
