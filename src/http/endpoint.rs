//! Every path of the service, once. `app()` mounts this list and the API's document describes it, each by a `match`
//! without a catch-all arm: neither can have a path that the other lacks.

use super::exports::ExportPath;
use super::grafana::{self, PanelRoute};
use super::{CUSTOMER_API, OPERATOR_API, page};
use crate::config::Config;
use crate::report::{BREAKDOWNS, CDRS, REPORTS, Report};

/// A path of the operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorPath {
    /// Breakdowns of all customers' and vendors' calls.
    Breakdown,
    /// Statistics by time of them.
    Statistics,
    /// The calls themselves.
    Cdrs,
    /// The dimensions and measures.
    Definitions,
    /// All accounts.
    Accounts,
    /// Exports.
    Exports(ExportPath),
}

impl OperatorPath {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Breakdown,
        Self::Statistics,
        Self::Cdrs,
        Self::Definitions,
        Self::Accounts,
        Self::Exports(ExportPath::All),
        Self::Exports(ExportPath::One),
        Self::Exports(ExportPath::File),
    ];

    /// The end of its path.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Breakdown => "breakdown",
            Self::Statistics => "statistics",
            Self::Cdrs => "cdrs",
            Self::Definitions => "definitions",
            Self::Accounts => "accounts",
            Self::Exports(path) => path.word(),
        }
    }
}

/// An address that the service listens at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// `http.listen`.
    Main,
    /// `http.operator_listen`.
    Operators,
}

/// A handler of the service, one for each path.
#[derive(Clone, Copy, Debug)]
pub enum Endpoint {
    /// A report of the customer API.
    Report(&'static Report),
    /// A breakdown of the customer API.
    Breakdown(&'static Report),
    /// Raw CDRs of the customer API.
    Cdrs(&'static Report),
    /// The dimensions and measures of breakdowns.
    Definitions,
    /// The caller's accounts.
    Accounts,
    /// A path of a customer's exports.
    Exports(ExportPath),
    /// A path of the operator's.
    Operator(OperatorPath),
    /// Login, and what a session asks of it.
    Login,
    /// A path of Grafana's plugins.
    Grafana(&'static PanelRoute),
    /// True if the process runs.
    Live,
    /// True if it can answer.
    Ready,
    /// The findings of the checks of new rows.
    Data,
    /// Figures for Prometheus.
    Metrics,
    /// The API's document.
    Document,
    /// The document as a page.
    Page,
    /// The page's style and script.
    PageFile,
    /// The page for people.
    Index,
    /// A file of it.
    Asset,
    /// Its sign-in.
    Session,
}

impl Endpoint {
    /// All of them, whether or not the settings want them.
    pub fn all() -> impl Iterator<Item = Self> {
        let reports = REPORTS.iter().map(Self::Report);
        let breakdowns = BREAKDOWNS.iter().map(Self::Breakdown).chain(CDRS.iter().map(Self::Cdrs)).chain([
            Self::Definitions,
            Self::Accounts,
            Self::Login,
        ]);
        let grafana = grafana::ROUTES.iter().map(Self::Grafana);
        let others = [Self::Live, Self::Ready, Self::Data, Self::Metrics, Self::Document, Self::Page, Self::PageFile];
        let page = [Self::Index, Self::Asset, Self::Session];
        let operators = OperatorPath::ALL.into_iter().map(Self::Operator);
        let exports = ExportPath::ALL.into_iter().map(Self::Exports);
        reports.chain(breakdowns).chain(exports).chain(operators).chain(grafana).chain(others).chain(page)
    }

    /// Those that a service with these settings has at its main address.
    pub fn mounted(config: &Config) -> impl Iterator<Item = Self> + use<> {
        Self::at(config, Entrance::Main)
    }

    /// Those that a service with these settings has at an address.
    pub fn at(config: &Config, entrance: Entrance) -> impl Iterator<Item = Self> + use<> {
        let (metrics, operators) = (config.metrics.enabled, config.operator.is_on());
        let apart = config.http.operator_listen.is_some();
        let page = config.http.page;
        Self::all().filter(move |endpoint| match (endpoint, entrance) {
            (Self::Index | Self::Asset, _) => page && page::is_built(),
            (Self::Session, _) => page,
            (Self::Operator(_), Entrance::Main) => operators && !apart,
            (Self::Metrics, Entrance::Main) => metrics,
            (_, Entrance::Main) => true,
            (endpoint, Entrance::Operators) => {
                matches!(endpoint, Self::Operator(_) | Self::Grafana(_) | Self::Live | Self::Ready)
            }
        })
    }

    /// Where it is mounted.
    pub fn path(self) -> String {
        match self {
            Self::Report(report) | Self::Breakdown(report) | Self::Cdrs(report) => {
                format!("{CUSTOMER_API}/{}", report.name)
            }
            Self::Definitions => format!("{CUSTOMER_API}/definitions"),
            Self::Accounts => format!("{CUSTOMER_API}/accounts"),
            Self::Exports(path) => format!("{CUSTOMER_API}/{}", path.word()),
            Self::Operator(path) => format!("{OPERATOR_API}/{}", path.word()),
            Self::Login => format!("{CUSTOMER_API}/auth"),
            Self::Grafana(entry) => format!("{}{}", grafana::PATH, entry.path),
            Self::Live => "/health/live".to_owned(),
            Self::Ready => "/health/ready".to_owned(),
            Self::Data => "/health/data".to_owned(),
            Self::Metrics => "/metrics".to_owned(),
            Self::Document => "/openapi.json".to_owned(),
            Self::Page => "/docs".to_owned(),
            Self::PageFile => "/docs/{file}".to_owned(),
            Self::Index => "/".to_owned(),
            Self::Asset => "/assets/{file}".to_owned(),
            Self::Session => "/session".to_owned(),
        }
    }

    /// Every path that leads to it. Those of the customer API and the operator's may end in `.json`, as Yeti's may.
    pub fn paths(self) -> Vec<String> {
        let path = self.path();
        match self {
            Self::Report(_)
            | Self::Breakdown(_)
            | Self::Cdrs(_)
            | Self::Definitions
            | Self::Accounts
            | Self::Exports(_)
            | Self::Operator(_)
            | Self::Login => {
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
            | Self::PageFile
            | Self::Index
            | Self::Asset
            | Self::Session => vec![path],
        }
    }

    /// Its methods, as the header `Allow` of a 405 lists them. Without a key to sign with there is no login.
    pub fn allow(self, can_sign: bool) -> &'static str {
        match self {
            Self::Login if can_sign => "GET, HEAD, POST, DELETE",
            Self::Login => "GET, HEAD, DELETE",
            Self::Exports(path) | Self::Operator(OperatorPath::Exports(path)) => path.allow(),
            Self::Report(_)
            | Self::Breakdown(_)
            | Self::Cdrs(_)
            | Self::Definitions
            | Self::Accounts
            | Self::Operator(_)
            | Self::Document
            | Self::Page
            | Self::PageFile
            | Self::Index
            | Self::Asset => "GET, HEAD",
            // A token may be brought where none can be signed.
            Self::Session => "GET, HEAD, POST, DELETE",
            Self::Grafana(entry) => entry.route.allow(),
            Self::Live | Self::Ready | Self::Data | Self::Metrics => "GET",
        }
    }
}

/// The pattern that a request's path matched; of a path with `.json` that without it.
pub fn pattern(matched: Option<String>) -> Option<String> {
    let matched = matched?;
    let has_suffix = |bare: &&str| [CUSTOMER_API, OPERATOR_API].iter().any(|api| bare.starts_with(api));
    let bare = matched.strip_suffix(".json").filter(has_suffix);
    Some(bare.map(str::to_owned).unwrap_or(matched))
}
