//! Numbers and text as JSON bytes.

use crate::report::measure::Number;

/// Appends a whole number.
pub fn whole(out: &mut Vec<u8>, value: i128) {
    // Nearly all are short, and 128-bit divisions are slow.
    let mut buffer = itoa::Buffer::new();
    let digits = match i64::try_from(value) {
        Ok(short) => buffer.format(short),
        Err(_) => buffer.format(value),
    };
    out.extend_from_slice(digits.as_bytes());
}

/// Appends hundredths with one or two decimals, never `-0.0`.
fn hundredths(out: &mut Vec<u8>, value: i128) {
    if value < 0 {
        out.push(b'-');
    }
    let value = value.unsigned_abs();
    let rest = match u64::try_from(value) {
        Ok(short) => {
            out.extend_from_slice(itoa::Buffer::new().format(short / 100).as_bytes());
            short % 100
        }
        Err(_) => {
            out.extend_from_slice(itoa::Buffer::new().format(value / 100).as_bytes());
            (value % 100) as u64
        }
    };
    let (tenths, rest) = ((rest / 10) as u8, (rest % 10) as u8);
    out.extend_from_slice(&[b'.', b'0' + tenths]);
    if rest != 0 {
        out.push(b'0' + rest);
    }
}

/// Appends a number of so many decimals, at least one of which is written.
fn decimal(out: &mut Vec<u8>, value: i128, decimals: u8) {
    let digits = format!("{:0width$}", value.unsigned_abs(), width = usize::from(decimals) + 1);
    let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
    let part = part.trim_end_matches('0');
    out.extend_from_slice(if value < 0 { b"-" } else { b"" });
    out.extend_from_slice(whole.as_bytes());
    out.push(b'.');
    out.extend_from_slice(if part.is_empty() { b"0" } else { part.as_bytes() });
}

/// Appends a measure's value; fractional ones in quotes unless `plain`.
pub fn number(out: &mut Vec<u8>, number: Number, plain: bool) {
    match number {
        Number::Whole(value) => whole(out, value),
        Number::Null => out.extend_from_slice(b"null"),
        Number::Hundredths(value) if plain => hundredths(out, value),
        Number::Hundredths(value) => {
            out.push(b'"');
            hundredths(out, value);
            out.push(b'"');
        }
        Number::Decimal(value, decimals) if plain => decimal(out, value, decimals),
        Number::Decimal(value, decimals) => {
            out.push(b'"');
            decimal(out, value, decimals);
            out.push(b'"');
        }
    }
}

/// Appends text in quotes; bytes that are not UTF-8 become U+FFFD, since JSON has no way to say them.
pub fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if u32::from(c) < 0x20 => {
                let c = c as usize;
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[c >> 4], HEX[c & 15]]);
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(f: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hundredths_end_in_one_or_two_decimals() {
        for (value, text) in
            [(8500, "85.0"), (8611, "86.11"), (0, "0.0"), (-5, "-0.05"), (-150, "-1.5"), (7, "0.07"), (10, "0.1")]
        {
            assert_eq!(written(|out| hundredths(out, value)), text);
        }
    }

    #[test]
    fn decimals_end_behind_the_first_or_the_last_that_is_none_of_zero() {
        for (value, decimals, text) in
            [(1_500_000, 6, "1.5"), (-5, 6, "-0.000005"), (0, 3, "0.0"), (12_345, 2, "123.45")]
        {
            assert_eq!(written(|out| decimal(out, value, decimals)), text);
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_written_as_the_standard_library_does(value in prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from)]) {
            prop_assert_eq!(written(|out| whole(out, value)), value.to_string());
        }

        #[test]
        fn hundredths_are_what_is_left_of_a_division(value in prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from), -20_000..20_000_i128]) {
            let digits = value.unsigned_abs();
            let text = format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, digits / 100, digits % 100);
            let short = text.strip_suffix('0').unwrap_or(&text);
            prop_assert_eq!(written(|out| hundredths(out, value)), short);
        }

        #[test]
        fn text_reads_back(value in ".*") {
            let json = written(|out| text(out, value.as_bytes()));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
        }
    }
}
