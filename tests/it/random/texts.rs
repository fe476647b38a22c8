//! Random texts, addresses and ways to write a number or a time.

use super::Rng;

/// Pieces of prefixes and names: few, so that they meet; with all that could mean something on the way to ClickHouse and
/// back; with letters whose case only Unicode knows (the Kelvin sign is a k there, the long s an s).
const PIECES: [&str; 46] = [
    "4",
    "4",
    "44",
    "44",
    "20",
    "20",
    "1",
    "A",
    "a",
    "k",
    "S",
    "\\",
    "'",
    "\"",
    "`",
    "%",
    "_",
    "*",
    "?",
    ",",
    " ",
    "\t",
    "\n",
    "\r",
    "\u{1}",
    "\u{7f}",
    "\0",
    "\\N",
    "\\t",
    "\\x41",
    "{p0:String}",
    "&",
    "+",
    "é",
    "É",
    "ß",
    "Ж",
    "ж",
    "é",
    "É",
    "Ж",
    "ж",
    "Я",
    "я",
    "\u{212a}",
    "😀",
];

const ADDRESSES: [&str; 12] = [
    "192.0.2.1",
    "192.0.2.1",
    "192.0.2.2",
    "198.51.100.255",
    "0.0.0.0",
    "2001:db8::1",
    "2001:DB8:0:0:0:0:0:1",
    "2001:0db8::0001",
    "::ffff:192.0.2.1",
    "::ffff:c000:201",
    "::",
    "",
];

/// The texts of a world: few, so that rows share them, and each next to others that a careless comparison takes for it.
pub fn pool(rng: &mut Rng) -> Vec<String> {
    let mut pool = vec![String::new()];
    for _ in 0..6 {
        let base = text(rng);
        pool.push(variant(rng, &base));
        pool.push(variant(rng, &base));
        pool.push(base);
    }
    pool
}

/// A prefix or name of one to four pieces.
fn text(rng: &mut Rng) -> String {
    // Half of them are digits and letters, as in life.
    let pieces = if rng.percent(50) { &PIECES[..11] } else { &PIECES[..] };
    (0..rng.pick(&[1, 2, 2, 3, 4])).map(|_| rng.pick(pieces)).collect()
}

/// A text that differs a little: in the case of a letter, by a wildcard in its place, or by a piece more.
pub fn variant(rng: &mut Rng, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let place = rng.below(letters.len() + 1);
    match letters.get_mut(place) {
        Some(letter) => {
            *letter = match (rng.below(6), *letter) {
                (0, _) => '%',
                (1, _) => '_',
                (2, 'k' | 'K') => '\u{212a}',
                (2, 's' | 'S') => '\u{17f}',
                (_, letter) => other_case(letter),
            };
            letters.into_iter().collect()
        }
        None => format!("{text}{}", rng.pick(&PIECES)),
    }
}

/// An address in some spelling, or nothing.
pub fn address(rng: &mut Rng) -> String {
    rng.pick(&ADDRESSES).to_owned()
}

/// A text that an operator may find in this one.
pub fn part(rng: &mut Rng, operator: &str, text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let cut = rng.below(letters.len() + 1);
    match operator {
        "starts-with" => letters[..cut].iter().collect(),
        "ends-with" => letters[cut..].iter().collect(),
        "contains" => {
            let all = rng.percent(40);
            let (start, end) = if all { (0, letters.len()) } else { (cut, cut + rng.below(letters.len() - cut + 1)) };
            let share = rng.pick(&[0, 50, 100]);
            let case = |letter: &char| if rng.percent(share) { other_case(*letter) } else { *letter };
            letters[start..end].iter().map(case).collect()
        }
        _ => text.to_owned(),
    }
}

/// The other case of a letter, beyond ASCII too.
fn other_case(letter: char) -> char {
    let other = if letter.is_lowercase() { letter.to_uppercase().next() } else { letter.to_lowercase().next() };
    other.unwrap_or(letter)
}

/// A whole number as callers may write it.
pub fn integer(rng: &mut Rng, value: i64) -> String {
    let sign = if value < 0 || (value == 0 && rng.percent(10)) { "-" } else { "" };
    let zeros = "0".repeat(if rng.percent(10) { rng.below(25) } else { 0 });
    format!("{sign}{zeros}{}", value.unsigned_abs())
}

/// A price near this many millionths as callers may write it.
pub fn price(rng: &mut Rng, millionths: i64) -> String {
    let value = if rng.percent(20) { millionths.saturating_add(rng.between(-1, 1)) } else { millionths };
    let size = value.unsigned_abs();
    let exact =
        format!("{}.{:06}", integer(rng, (size / 1_000_000).cast_signed()).trim_start_matches('-'), size % 1_000_000);
    let shown = match rng.below(5) {
        0 => exact.trim_end_matches('0').trim_end_matches('.').to_owned(),
        1 => format!("{exact}{}", "0".repeat(rng.below(30))),
        2 | 3 => format!("{exact}{}{}", "0".repeat(rng.below(30)), rng.between(1, 9)),
        _ => exact,
    };
    if value < 0 { format!("-{shown}") } else { shown }
}

/// Hours east of UTC at which the zones of worlds have their clocks, in seconds.
const OFFSETS: [i64; 10] = [7200, 10_800, -18_000, -14_400, 37_800, 39_600, 19_800, 20_700, 3600, 0];

/// A second, and perhaps a part of the next, as callers may write it. Callers' pluses arrive as they are or as blanks.
/// Without a zone it is what some clock on a wall may show.
pub fn time(rng: &mut Rng, second: i64) -> String {
    if rng.percent(15) {
        let local = second + rng.pick(&OFFSETS);
        let format = rng.pick(&["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]);
        return chrono::DateTime::from_timestamp(local, 0).unwrap_or_default().format(format).to_string();
    }
    let at = |offset: i64, format: &str| {
        chrono::DateTime::from_timestamp(second + offset, 0).unwrap_or_default().format(format).to_string()
    };
    if second % 86_400 == 0 && rng.percent(40) {
        return at(0, "%Y-%m-%d");
    }
    if second % 60 == 0 && rng.percent(20) {
        let format = rng.pick(&["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]);
        return at(0, format);
    }
    let fraction = match rng.below(8) {
        0 => format!(".{}", "0".repeat(1 + rng.below(12))),
        1 => format!(".{:03}", rng.below(1000)),
        2 => format!(".{}{}", "0".repeat(rng.below(20)), rng.between(1, 9)),
        _ => String::new(),
    };
    match rng.below(8) {
        0 => format!("{second:010}"),
        1 => format!("{second:010}{:03}", rng.pick(&[0, 0, 1, 500, 999])),
        2 => at(0, "%Y-%m-%d %H:%M:%S"),
        3 => at(0, "%Y-%m-%dT%H:%M:%S"),
        4 => {
            let minutes = rng.pick(&[0, 1, 120, 330, 345, 630, 1439]);
            let zone = format!("{}{:02}:{:02}", rng.pick(&["+", " "]), minutes / 60, minutes % 60);
            let format = rng.pick(&["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]);
            format!("{}{fraction}{zone}", at(minutes * 60, format))
        }
        5 => {
            let minutes = rng.pick(&[0, 1, 240, 570]);
            format!("{}{fraction}-{:02}:{:02}", at(-minutes * 60, "%Y-%m-%dT%H:%M:%S"), minutes / 60, minutes % 60)
        }
        6 => format!("{}{fraction}z", at(0, "%Y-%m-%dt%H:%M:%S")),
        _ => format!("{}{fraction}Z", at(0, "%Y-%m-%dT%H:%M:%S")),
    }
}
