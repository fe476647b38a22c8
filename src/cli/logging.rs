//! The log of a command: its levels and the form of its lines.

use std::io::Write as _;

use super::CliError;
use crate::config::LogFormat;
use crate::shown::{Escaped, Shown};

/// Levels that hold whatever CDRSCOPE_LOG says, unless it names the same target. Errors of actix_http are bytes of strangers
/// that are no request, or a caller that leaves.
const TARGETS: &str = "actix_server=warn,actix_http=off,clickhouse=warn";

/// The same for commands whose own lines are enough.
const QUIET_TARGETS: &str = "actix_server=off,actix_http=off,clickhouse=warn";

/// Levels and their words.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Starts the log on stderr.
///
/// # Errors
/// CDRSCOPE_LOG does not read.
pub fn start(format: LogFormat, is_quiet: bool) -> Result<(), CliError> {
    let asked = std::env::var_os("CDRSCOPE_LOG").map(|text| text.to_string_lossy().into_owned());
    let asked = asked.filter(|text| !text.trim().is_empty());
    asked.as_deref().map_or(Ok(()), check).map_err(CliError::Usage)?;
    let (level, targets) = if is_quiet { ("warn", QUIET_TARGETS) } else { ("info", TARGETS) };
    let mut log = env_logger::Builder::new();
    log.parse_filters(&format!("{level},{targets}"));
    if let Some(asked) = asked {
        log.parse_filters(&asked);
    }
    log.format(if format == LogFormat::Json { json_line } else { text_line });
    log.init();
    Ok(())
}

/// Refuses a value that would silence the log without a word.
fn check(text: &str) -> Result<(), String> {
    let is_level = |word: &str| LEVELS.iter().any(|level| word.trim().eq_ignore_ascii_case(level));
    let is_fine = |part: &str| match part.split_once('=') {
        Some((target, level)) => {
            let target = target.trim();
            !target.is_empty()
                && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte))
                && is_level(level)
        }
        None => is_level(part),
    };
    match text.split(',').find(|part| !is_fine(part)) {
        None => Ok(()),
        Some(part) => Err(format!(
            "CDRSCOPE_LOG: bad value {:?}: expected one of {}, or TARGET=LEVEL such as clickhouse=debug, with commas between",
            Shown(part),
            LEVELS.join(", ")
        )),
    }
}

/// A line of the log, and only one, whatever is in it.
fn text_line(out: &mut env_logger::fmt::Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    let (time, level, style) = (out.timestamp_millis(), record.level(), out.default_level_style(record.level()));
    writeln!(out, "[{time} {style}{level:<5}{style:#} {}] {}", record.target(), Escaped(&record.args().to_string()))
}

/// A line of the log as an object.
fn json_line(out: &mut env_logger::fmt::Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    let line = serde_json::json!({
        "time": out.timestamp_millis().to_string(),
        "level": record.level().as_str(),
        "target": record.target(),
        "message": record.args().to_string(),
    });
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn levels_are_known_words_for_all_or_for_a_target() {
        for fine in ["info", "DEBUG", "warn,cdrscope=trace", "off", "cdrscope::http=debug, actix_server=info"] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for bad in ["inof", "cdrscope", "info;debug", "cdrscope=", "=info", "cdrscope=loud", "info,", "info/x", "3"] {
            assert!(check(bad).unwrap_err().starts_with("CDRSCOPE_LOG: bad value "), "{bad}");
        }
    }
}
