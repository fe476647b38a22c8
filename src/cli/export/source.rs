//! The arguments of commands that ask for an answer of the API: which, and where from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::{ClientToken, ExportClient};
use super::fetch::Patience;
use super::local::{self, AskedAs};
use super::question::Question;
use crate::cli::settings::Settings;
use crate::cli::{CliError, block_on, configure_quietly};

/// A report with its parameters, and the service or ClickHouse that it is asked of.
#[derive(clap::Args)]
pub struct ReportSource {
    /// A report, such as origination-cdrs, termination-breakdown or origination-statistics; of the operator's: cdrs, breakdown,
    /// statistics
    #[arg(value_name = "REPORT")]
    report: String,
    /// Parameters of the API, such as account-id=…, from-time=2026-11-01, columns=id,duration
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Address of the service, such as https://api.example.net. Without it the ClickHouse of the settings is read: the operator's
    /// reports, or with --customer that customer's
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File with the token for --url [default: the environment variable CDRSCOPE_TOKEN]
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// Ask as this customer, of all its accounts
    #[arg(long, value_name = "ID", conflicts_with = "url", value_parser = clap::value_parser!(u32).range(1..))]
    customer: Option<u32>,
    /// Breaks in a row after which it gives up; it waits longer before each try
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// Longest wait for an answer to begin, seconds: a workbook is sent when it is whole
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    #[command(flatten)]
    settings: Settings,
}

impl ReportSource {
    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The question, with more parameters; the name of the output is the format unless they name one.
    ///
    /// # Errors
    /// As [`Question::new`].
    pub fn question(&self, more: &[String], output: &Path) -> Result<Question, CliError> {
        let parameters = [&self.parameters, more].concat();
        Question::new(&self.report, &parameters, output).map_err(CliError::Usage)
    }

    /// The tries that are left.
    pub fn patience(&self) -> Patience {
        Patience::new(self.tries)
    }

    /// Does `work` with a client of the service, or of one that this command is for as long as it takes.
    ///
    /// # Errors
    /// There is no such service, or the work's own.
    pub fn ask(
        &self,
        question: &Question,
        work: impl AsyncFnOnce(&ExportClient) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let timeout = Duration::from_secs(self.timeout.into());
        if let Some(url) = &self.url {
            let token = ClientToken::find(self.token_file.as_deref()).map_err(CliError::Usage)?;
            let client = ExportClient::new(url, token, timeout).map_err(CliError::Usage)?;
            return block_on(work(&client));
        }
        let report = question.report();
        let asked_as = match (question.is_operators(), self.customer) {
            (true, None) => AskedAs::Operator,
            (false, Some(customer)) => AskedAs::Customer(customer),
            (false, None) => {
                return Err(CliError::Usage(format!(
                    "{report} is a customer's report: name the customer with --customer or the service with --url, or ask for \
                     cdrs, breakdown or statistics, which the operator has of all customers"
                )));
            }
            (true, Some(_)) => {
                return Err(CliError::Usage(format!(
                    "{report} is the operator's report: leave out --customer, and filter with customer-id=ID"
                )));
            }
        };
        let config = configure_quietly(&self.settings)?;
        block_on(local::with(config, asked_as, timeout, work))
    }
}
