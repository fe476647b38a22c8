//! Spellings of values: a plus that a query string would swallow, times of day and durations.

use jiff::civil::Time;

use crate::query::filter::{Column, ParamType};
use crate::report::param::Role;

/// The meaning of a raw plus before digits in a value, where it is no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Part of a phone number.
    Character,
    /// The sign of a number.
    Sign,
}

impl Plus {
    /// The plus of a parameter; `None` where it is a space as anywhere else.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Filter(Column::SrcNameIn, _) => None,
            Role::Filter(_, ParamType::Text(_) | ParamType::Texts(_)) => Some(Self::Character),
            Role::Filter(_, ParamType::Integer { .. } | ParamType::Price(_)) => Some(Self::Sign),
            _ => None,
        }
    }

    /// The value with each plus that stands before digits, at the beginning or behind a comma, as decoding leaves it.
    pub fn spell_out(self, raw: &str) -> String {
        let mut spelled = String::with_capacity(raw.len() + 2);
        for (place, c) in raw.char_indices() {
            let begins = matches!(raw.as_bytes().get(..place), Some([] | [.., b','] | [.., b'%', b'2', b'C' | b'c']));
            let digits = raw.as_bytes().get(place + 1).is_some_and(u8::is_ascii_digit);
            match self {
                Self::Character if c == '+' && begins && digits => spelled.push_str("%2B"),
                Self::Sign if c == '+' && begins && digits => {}
                Self::Character | Self::Sign => spelled.push(c),
            }
        }
        spelled
    }
}

/// `hh:mm`.
pub fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let fits = digits(hour) && digits(minute);
    if fits { Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok() } else { None }
}

/// Longest `settle`: seven days.
const LONGEST_SETTLE: i64 = 7 * 86_400;

/// Seconds, minutes, hours or days: `90s`, `10m`, `2h`, `1d`.
pub fn duration(text: &str) -> Option<i64> {
    let (unit, seconds) =
        [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)].into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number = text.strip_suffix(unit).filter(|number| number.bytes().all(|b| b.is_ascii_digit()))?;
    number.parse::<i64>().ok()?.checked_mul(seconds).filter(|seconds| *seconds <= LONGEST_SETTLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_before_digits_is_one_where_a_value_begins() {
        for (raw, character, sign) in [
            ("+44", "%2B44", "44"),
            ("+44,+49", "%2B44,%2B49", "44,49"),
            ("44%2C+49%2c+1", "44%2C%2B49%2c%2B1", "44%2C49%2c1"),
            ("4+4", "4+4", "4+4"),
            ("++4", "++4", "++4"),
            ("+", "+", "+"),
            ("+x,+", "+x,+", "+x,+"),
            ("%2C+1", "%2C%2B1", "%2C1"),
            ("%202C+1", "%202C+1", "%202C+1"),
            ("é+1", "é+1", "é+1"),
        ] {
            assert_eq!(Plus::Character.spell_out(raw), character, "{raw}");
            assert_eq!(Plus::Sign.spell_out(raw), sign, "{raw}");
        }
    }

    #[test]
    fn times_of_day_and_durations_are_spelled_one_way() {
        assert_eq!(time_of_day("23:59"), Some(Time::constant(23, 59, 0, 0)));
        for (text, seconds) in [("90s", 90), ("10m", 600), ("007d", 604_800), ("168h", 604_800), ("0s", 0)] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in ["", "m", "10", "-1m", "+1m", "1.5m", "8d", "10é", "99999999999999999999d", "9223372036854775807d"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", ":", "24:00", "1:30", "01:3", "01:60", "+1:30", "01:30:00", "0١:30"] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
    }
}
