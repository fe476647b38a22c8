//! Incidents of the made-up world, for dashboards and alerts to find.

use super::{Options, world};

/// Something that went wrong, from `start` to before `end` (epoch seconds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its kind.
    pub kind: Kind,
    /// Its first second.
    pub start: u32,
    /// The second after its last.
    pub end: u32,
}

/// The kinds of incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Of the calls to this destination only an eighth of the usual share is answered.
    DestinationFails {
        /// Its `destination_prefix`.
        prefix: &'static str,
        /// Its `dst_country_id`.
        country_id: u32,
    },
    /// This account makes no calls.
    AccountSilent {
        /// Its `customer_acc_id`.
        account_id: u32,
    },
}

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;
/// The hours of a day (UTC) that have most of its calls.
const FIRST_BUSY_HOUR: u32 = 7;
const LAST_BUSY_HOUR: u32 = 17;

/// Length of the first destination's failure, seconds.
const FIRST_LASTS: u32 = 4 * HOUR;
/// Destinations that fail, by prefix: the first in mid-range, the second shortly before the end.
pub(super) const FAILING: [&str; 2] = ["447", "919"];
/// The account that falls silent: big enough that it is missed.
pub(super) const SILENT_ACCOUNT: u32 = 2;

/// The incidents within the range of `options`, in the order of [`Kind`]'s destinations, then the account.
pub fn incidents(options: &Options) -> Vec<Incident> {
    let span = options.to - options.from;
    let fails = |prefix, start, length| Incident {
        kind: Kind::DestinationFails { prefix, country_id: country_of(prefix) },
        start,
        end: start + length,
    };
    let hour = HOUR.min(span / 8);
    // Long enough to be told from chance among a day's calls to a hundred destinations.
    let hours = FIRST_LASTS.min(span / 8);
    let first = busy_moment(options, 6, 13);
    let silent = busy_moment(options, 3, 9);
    // A dashboard of the last day sees one too.
    let last = if span >= DAY { last_busy_moment(options.to) } else { options.to - span / 4 };
    vec![
        fails(FAILING[0], first, hours),
        fails(FAILING[1], last, hour),
        Incident {
            kind: Kind::AccountSilent { account_id: SILENT_ACCOUNT },
            start: silent,
            end: silent + (2 * HOUR / 3).min(span / 12),
        },
    ]
}

/// So many tenths into the range; in a range of days at that hour of a working day.
fn busy_moment(options: &Options, tenths: u32, hour: u32) -> u32 {
    let span = options.to - options.from;
    let moment = options.from + span / 10 * tenths;
    if span < 8 * DAY {
        return moment;
    }
    // The epoch began on a Thursday: from Saturday and Sunday on to Monday.
    let day = moment / DAY;
    let day = match (day + 4) % 7 {
        6 => day + 2,
        0 => day + 1,
        _ => day,
    };
    day * DAY + hour * HOUR
}

/// Three hours or more before the end, when there are calls enough to notice: at night few are missed.
fn last_busy_moment(to: u32) -> u32 {
    let moment = (to - 3 * HOUR) / 300 * 300;
    let (day, hour) = (moment / DAY, moment % DAY / HOUR);
    match hour {
        FIRST_BUSY_HOUR..=LAST_BUSY_HOUR => moment,
        hour if hour < FIRST_BUSY_HOUR => (day - 1) * DAY + LAST_BUSY_HOUR * HOUR,
        _ => day * DAY + LAST_BUSY_HOUR * HOUR,
    }
}

fn country_of(prefix: &str) -> u32 {
    world::destinations().iter().find(|d| d.prefix == prefix).map_or(0, |d| d.country_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_lie_within_the_range() {
        for span in [60, HOUR, DAY, 3 * DAY, 8 * DAY, 28 * DAY, 400 * DAY] {
            let options = Options { from: 1_767_225_600, to: 1_767_225_600 + span, ..Options::default() };
            for incident in incidents(&options) {
                assert!(
                    options.from <= incident.start && incident.start < incident.end && incident.end <= options.to,
                    "{span} {incident:?}"
                );
            }
        }
        assert_eq!(FAILING.map(country_of).map(world::country_name), [Some("United Kingdom"), Some("India")]);
    }
    #[test]
    fn the_last_day_has_an_incident_at_a_busy_hour_whenever_it_ends() {
        for quarter in 0..7 * 96 {
            let to = 1_767_225_600 + 28 * DAY + quarter * HOUR / 4;
            let options = Options { from: to - 28 * DAY, to, ..Options::default() };
            let last = &incidents(&options)[1];
            assert!(last.start >= to - DAY && last.end <= to - 2 * HOUR, "{quarter}");
            assert!((7..18).contains(&(last.start % DAY / HOUR)), "{quarter}");
            assert_eq!(last.end - last.start, HOUR);
        }
    }
}
