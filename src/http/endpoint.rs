//! Every path of the service, once; Grafana's protocol has a list of its own in `grafana`. `app()` mounts this list and the API's document describes it, each by a `match`
//! without a catch-all arm: neither can have a path that the other lacks.

use super::CUSTOMER_API;
use crate::report::{REPORTS, Report};

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub enum Endpoint {
    /// A report of the customer API.
    Report(&'static Report),
    /// Login, and what a session asks of it.
    Login,
    /// Whether the process runs.
    Live,
    /// Whether it can answer.
    Ready,
}

impl Endpoint {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        REPORTS.iter().map(Self::Report).chain([Self::Login, Self::Live, Self::Ready])
    }

    /// Where it is mounted.
    pub fn path(self) -> String {
        match self {
            Self::Report(report) => format!("{CUSTOMER_API}/{}", report.name),
            Self::Login => format!("{CUSTOMER_API}/auth"),
            Self::Live => "/health/live".to_owned(),
            Self::Ready => "/health/ready".to_owned(),
        }
    }

    /// Its methods, as the header `Allow` of a 405 lists them.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Report(_) => "GET, HEAD",
            Self::Login => "GET, HEAD, POST, DELETE",
            Self::Live | Self::Ready => "GET",
        }
    }
}
