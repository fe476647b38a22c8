//! Every path of the service, once. `app()` mounts this list and the API's document describes it, each by a `match`
//! without a catch-all arm: neither can have a path that the other lacks.

use super::CUSTOMER_API;
use super::grafana::{self, Entry};
use crate::config::Config;
use crate::report::{REPORTS, Report};

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub enum Endpoint {
    /// A report of the customer API.
    Report(&'static Report),
    /// Login, and what a session asks of it.
    Login,
    /// A path of Grafana's plugins.
    Grafana(&'static Entry),
    /// True if the process runs.
    Live,
    /// True if it can answer.
    Ready,
    /// What is odd in new rows.
    Data,
    /// Figures for Prometheus.
    Metrics,
    /// The API's document.
    Document,
    /// The document as a page.
    Page,
    /// The page's style and script.
    PageFile,
}

impl Endpoint {
    /// All of them, whether or not the settings want them.
    pub fn all() -> impl Iterator<Item = Self> {
        let reports = REPORTS.iter().map(Self::Report).chain([Self::Login]);
        let grafana = grafana::ROUTES.iter().map(Self::Grafana);
        let others = [Self::Live, Self::Ready, Self::Data, Self::Metrics, Self::Document, Self::Page, Self::PageFile];
        reports.chain(grafana).chain(others)
    }

    /// Those that a service with these settings has.
    pub fn mounted(config: &Config) -> impl Iterator<Item = Self> {
        let metrics = config.metrics.enabled;
        Self::all().filter(move |endpoint| metrics || !matches!(endpoint, Self::Metrics))
    }

    /// Where it is mounted.
    pub fn path(self) -> String {
        match self {
            Self::Report(report) => format!("{CUSTOMER_API}/{}", report.name),
            Self::Login => format!("{CUSTOMER_API}/auth"),
            Self::Grafana(entry) => format!("{}{}", grafana::PATH, entry.path),
            Self::Live => "/health/live".to_owned(),
            Self::Ready => "/health/ready".to_owned(),
            Self::Data => "/health/data".to_owned(),
            Self::Metrics => "/metrics".to_owned(),
            Self::Document => "/openapi.json".to_owned(),
            Self::Page => "/docs".to_owned(),
            Self::PageFile => "/docs/{file}".to_owned(),
        }
    }

    /// Every path that leads to it. Those of the customer API may end in `.json`, as Yeti's may.
    pub fn paths(self) -> Vec<String> {
        let path = self.path();
        match self {
            Self::Report(_) | Self::Login => {
                let with_suffix = format!("{path}.json");
                vec![path, with_suffix]
            }
            Self::Grafana(_)
            | Self::Live
            | Self::Ready
            | Self::Data
            | Self::Metrics
            | Self::Document
            | Self::Page
            | Self::PageFile => vec![path],
        }
    }

    /// Its methods, as the header `Allow` of a 405 lists them. Without a key to sign with there is no login.
    pub fn allow(self, can_sign: bool) -> &'static str {
        match self {
            Self::Login if can_sign => "GET, HEAD, POST, DELETE",
            Self::Login => "GET, HEAD, DELETE",
            Self::Report(_) | Self::Document | Self::Page | Self::PageFile => "GET, HEAD",
            Self::Grafana(entry) => entry.route.allow(),
            Self::Live | Self::Ready | Self::Data | Self::Metrics => "GET",
        }
    }
}

/// The pattern that a request's path matched; of a path with `.json` that without it.
pub fn pattern(matched: Option<String>) -> Option<String> {
    let matched = matched?;
    let bare = matched.strip_suffix(".json").filter(|bare| bare.starts_with(super::CUSTOMER_API));
    Some(bare.map(str::to_owned).unwrap_or(matched))
}
