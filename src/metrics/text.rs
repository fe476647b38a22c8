//! The text that Prometheus reads, format 0.0.4.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::{BOUNDS, Histogram, Metric};

/// The text that Prometheus reads, format 0.0.4.
#[derive(Debug, Default)]
pub struct Exposition(String);

/// Its content type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Exposition {
    /// Begins a metric: its help and kind come once, before its samples.
    pub fn family(&mut self, metric: &Metric) {
        let Metric { name, kind, help, .. } = metric;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// A sample, with a value for each label.
    pub fn sample(&mut self, metric: &Metric, values: &[&str], value: impl Display) {
        let labels: Vec<_> = metric.labels.iter().copied().zip(values.iter().copied()).collect();
        self.named(metric.name, &labels, value);
    }

    /// A metric of one sample.
    pub fn single(&mut self, metric: &Metric, value: impl Display) {
        self.family(metric);
        self.sample(metric, &[], value);
    }

    pub(super) fn histogram(&mut self, metric: &Metric, value: &str, times: &Histogram) {
        let label = metric.labels.first().copied().unwrap_or_default();
        let mut count = 0;
        let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, bucket) in bounds.zip(&times.buckets) {
            count += bucket.get();
            self.named(&format!("{}_bucket", metric.name), &[(label, value), ("le", &bound)], count);
        }
        let seconds = Duration::from_nanos(times.nanoseconds.get()).as_secs_f64();
        self.named(&format!("{}_sum", metric.name), &[(label, value)], seconds);
        self.named(&format!("{}_count", metric.name), &[(label, value)], count);
    }

    fn named(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let pairs: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        if pairs.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", pairs.join(",")));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A label's value: backslash, quote and line end would mean something.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::BUILD;
    use super::*;

    #[test]
    fn what_would_mean_something_in_a_label_is_escaped() {
        let mut out = Exposition::default();
        out.sample(&BUILD, &["a\\b\"c\nd"], 1);
        assert_eq!(out.into_text(), "cdrscope_build_info{version=\"a\\\\b\\\"c\\nd\"} 1\n");
    }
}
