//! A reader of Prometheus's text format, version 0.0.4, that takes nothing on trust.

use std::collections::{BTreeMap, BTreeSet};

/// A sample: its own name, its labels by name, its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A whole scrape.
#[derive(Debug)]
pub struct Scrape {
    pub samples: Vec<Sample>,
    /// Kind of each metric that is described.
    pub kinds: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads it.
    ///
    /// # Panics
    /// When it is not of the format, a sample has no help or kind before it, or stands twice.
    pub fn read(text: &str) -> Self {
        let (mut samples, mut kinds, mut helps) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut current = String::new();
        assert!(text.ends_with('\n') && !text.contains('\r'), "{text:?}");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.is_empty() && helps.insert(name.to_owned()), "{line}");
                current = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind) && name == current, "{line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let sample = sample(line);
                let of = ["_bucket", "_sum", "_count"].iter().find_map(|end| sample.name.strip_suffix(end));
                let family = of.filter(|name| kinds.get(*name).is_some_and(|kind| kind == "histogram"));
                assert_eq!(family.unwrap_or(&sample.name), current, "{line}");
                assert!(kinds.contains_key(&current) && sample.value.is_finite(), "{line}");
                let same = |other: &Sample| other.name == sample.name && other.labels == sample.labels;
                assert!(!samples.iter().any(same), "twice: {line}");
                samples.push(sample);
            }
        }
        Self { samples, kinds }
    }

    /// The samples of a name.
    pub fn all(&self, name: &str) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == name).collect()
    }

    /// The value of the one sample that has these labels, perhaps among others.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&&Sample| {
            labels.iter().all(|(label, text)| sample.labels.get(*label).is_some_and(|found| found == text))
        };
        let all = self.all(name);
        let found: Vec<_> = all.iter().filter(has).collect();
        assert!(found.len() < 2, "{found:?}");
        found.first().map(|sample| sample.value)
    }
}

fn sample(line: &str) -> Sample {
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).unwrap());
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let (text, length) = quoted(value);
            assert!(labels.insert(label.to_owned(), text).is_none(), "{line}");
            rest = &value[length..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap();
    }
    Sample { name: name.to_owned(), labels, value: rest.strip_prefix(' ').unwrap().parse().unwrap() }
}

/// The text up to its closing quote, and how long it was written with that.
fn quoted(value: &str) -> (String, usize) {
    let (mut text, mut characters) = (String::new(), value.char_indices());
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return (text, place + 1),
            '\\' => text.push(match characters.next().unwrap().1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                other => panic!("\\{other}"),
            }),
            other => text.push(other),
        }
    }
    panic!("no end: {value}");
}
