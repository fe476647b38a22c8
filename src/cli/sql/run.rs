//! One statement: sent, and its result written as it comes.

use clickhouse::error::Error;
use clickhouse::{Client, Compression};

use super::super::screen::Screen;
use super::statements::SqlText;
use crate::shown::Escaped;

/// The rights and the form of a session's statements.
pub struct SqlSession {
    client: Client,
    format: String,
}

impl SqlSession {
    /// Statements of this client, whose results have this format unless they name one.
    pub fn new(client: Client, is_admin: bool, format: &str) -> Self {
        let client = client.with_compression(Compression::None);
        // A configured user may have more rights than to read. 2 lets a statement have settings of its own.
        let client = if is_admin { client } else { client.with_setting("readonly", "2") };
        // What nobody waits for any more ends.
        let client = client.with_setting("cancel_http_readonly_queries_on_client_close", "1");
        Self { client, format: format.to_owned() }
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// The reason, in a line.
    pub async fn run(&self, statement: &SqlText, screen: &mut Screen) -> Result<(), String> {
        if let Some(why) = statement.refusal() {
            return Err(why);
        }
        let mut is_cut = false;
        let told = |error: Error, is_cut: bool| {
            let cut = if is_cut { " (what is printed is not whole)" } else { "" };
            format!("{}{cut}", one_line(&error))
        };
        let mut result =
            self.client.query_raw(&statement.text).fetch_bytes(&self.format).map_err(|error| told(error, false))?;
        while let Some(bytes) = result.next().await.map_err(|error| told(error, is_cut))? {
            is_cut = true;
            screen.write(&bytes).map_err(|error| format!("standard output: {error}"))?;
            if screen.is_closed() {
                return Ok(());
            }
        }
        screen.flush().map_err(|error| format!("standard output: {error}"))
    }
}

/// An error of ClickHouse in a line, with its code and name.
fn one_line(error: &Error) -> String {
    let text = match error {
        Error::BadResponse(text) => text.clone(),
        Error::Network(source) => {
            let mut cause: &dyn std::error::Error = source.as_ref();
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            format!("ClickHouse does not answer any more: {cause}")
        }
        other => other.to_string(),
    };
    Escaped(&text.split_whitespace().collect::<Vec<_>>().join(" ")).to_string()
}
