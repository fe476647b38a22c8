//! The table: what was measured, what it is compared with, the ratio, the target, and whether it is met. Every figure comes
//! from the run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::world::target;
use crate::{Error, Result, say};

/// A name and what there is to say of it.
pub type Fact = (&'static str, String);

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    Short,
    /// There is no target.
    Told,
}

struct Row {
    what: String,
    compared: String,
    ours: String,
    ratio: String,
    target: String,
    verdict: Verdict,
}

/// Everything measured so far.
pub struct Report {
    facts: Vec<Fact>,
    rows: Vec<Row>,
}

impl Report {
    /// An empty report.
    pub fn new(facts: Vec<Fact>) -> Self {
        Self { facts, rows: Vec::new() }
    }

    fn push(&mut self, row: Row) {
        let Row { what, compared, ours, ratio, target, verdict } = &row;
        say(format_args!("  {what}: {compared} / {ours}: {ratio} {target} {}", word(*verdict)));
        self.rows.push(row);
    }

    /// Times in milliseconds: ours is to be at least `least` times faster.
    pub fn faster(&mut self, what: impl Into<String>, compared: f64, ours: f64, least: Option<f64>) {
        let ratio = compared / ours;
        self.push(Row {
            what: what.into(),
            compared: millis(compared),
            ours: millis(ours),
            ratio: times(ratio),
            target: least.map_or_else(String::new, |least| format!("≥ {}", times(least))),
            verdict: verdict(least.map(|least| ratio >= least)),
        });
    }

    /// Answers a second: ours is to be at least `least` times the other's.
    pub fn more(&mut self, what: impl Into<String>, compared: f64, ours: f64, least: f64) {
        let ratio = ours / compared;
        let percent = least < 1.0;
        let show = |value: f64| if percent { format!("{:.0} %", value * 100.0) } else { times(value) };
        self.push(Row {
            what: what.into(),
            compared: format!("{}/s", rate(compared)),
            ours: format!("{}/s", rate(ours)),
            ratio: show(ratio),
            target: format!("≥ {}", show(least)),
            verdict: verdict(Some(ratio >= least)),
        });
    }

    /// A figure that is to be at most `most`, in the given form; `compared` may be empty.
    pub fn at_most(
        &mut self,
        what: impl Into<String>,
        compared: impl Into<String>,
        ours: f64,
        most: f64,
        form: fn(f64) -> String,
    ) {
        self.push(Row {
            what: what.into(),
            compared: compared.into(),
            ours: form(ours),
            ratio: String::new(),
            target: format!("≤ {}", form(most)),
            verdict: verdict(Some(ours <= most)),
        });
    }

    /// A row in words.
    pub fn row(&mut self, what: impl Into<String>, [compared, ours, ratio, target]: [String; 4], met: Option<bool>) {
        self.push(Row { what: what.into(), compared, ours, ratio, target, verdict: verdict(met) });
    }

    /// A measurement that broke off.
    pub fn failed(&mut self, name: &str, error: &Error) {
        let none = String::new;
        self.row(name, [none(), format!("broke off: {error}"), none(), none()], Some(false));
    }

    /// The whole report.
    pub fn markdown(&self, took: Duration) -> String {
        let mut text = String::from(
            "# Benchmark\n\nMade by `make bench`; every figure is from one run, whose sides took turns. Times are medians, end to \
             end.\nWhat counts is the ratio: absolute times are the machine's.\n\n| fact | |\n| --- | --- |\n",
        );
        let took = ("the run took", format!("{} minutes", took.as_secs().div_ceil(60)));
        for (name, value) in self.facts.iter().chain([&took]) {
            text.push_str(&format!("| {name} | {value} |\n"));
        }
        text.push_str(
            "\n| what | compared with | cdrscope | ratio | target | |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for row in &self.rows {
            let cells =
                [&row.what, &row.compared, &row.ours, &row.ratio, &row.target].map(|cell| cell.replace('|', "/"));
            text.push_str(&format!("| {} | {} |\n", cells.join(" | "), word(row.verdict)));
        }
        let all = |verdict| self.rows.iter().filter(|row| row.verdict == verdict).count();
        text.push_str(&format!("\n{} targets met, {} short.\n", all(Verdict::Met), all(Verdict::Short)));
        text
    }

    /// Writes the report's file, and the documentation's where that is asked for.
    pub fn write(&self, text: &str) -> Result<()> {
        let dir = target().join("bench");
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("report.md"), text)?;
        if std::env::var_os("BENCH_SAVE").is_some_and(|value| value == "1") {
            fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmark.md"), text)?;
        }
        Ok(())
    }
}

fn verdict(met: Option<bool>) -> Verdict {
    match met {
        Some(true) => Verdict::Met,
        Some(false) => Verdict::Short,
        None => Verdict::Told,
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Short => "**short**",
        Verdict::Told => "",
    }
}

/// `3.4 times`.
pub fn times(ratio: f64) -> String {
    if ratio >= 9.95 { format!("{ratio:.0} ×") } else { format!("{ratio:.2} ×") }
}

/// Milliseconds, to three digits.
pub fn millis(value: f64) -> String {
    match value {
        large if large >= 99.5 => format!("{large:.0} ms"),
        middle if middle >= 9.95 => format!("{middle:.1} ms"),
        small => format!("{small:.2} ms"),
    }
}

/// A figure a second.
pub fn rate(value: f64) -> String {
    if value >= 100.0 { count(value.round() as u64) } else { format!("{value:.1}") }
}

/// A whole number with commas between thousands.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The machine.
pub fn machine() -> Result<Vec<Fact>> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let kilobytes: f64 = value(&memory, "MemTotal").ok_or("no MemTotal")?.trim_end_matches(" kB").parse()?;
    Ok(vec![
        ("processor", value(&processors, "model name").unwrap_or_else(|| "unknown".to_owned())),
        ("cores", std::thread::available_parallelism()?.to_string()),
        ("memory", format!("{:.0} GB", kilobytes / 1024.0 / 1024.0)),
    ])
}
