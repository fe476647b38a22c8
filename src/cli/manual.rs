//! `cdrscope completions SHELL` and `cdrscope man DIR`, from the definitions that the program itself parses with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{CliError, EXIT_CODES, help, say};
use crate::config::KEYS;

/// The heading of flags that are settings.
const SETTINGS: &str = "Settings";

/// Variables that are no settings.
const VARIABLES: [(&str, &str); 5] = [
    ("CDRSCOPE_CONFIG", "the settings file, as --config"),
    ("CDRSCOPE_…", "a setting: http.listen is CDRSCOPE_HTTP_LISTEN, see cdrscope.toml(5)"),
    ("CDRSCOPE_LOG", "the level of the log on stderr: off, error, warn, info, debug or trace"),
    ("CDRSCOPE_TOKEN", "the token that export and report ask a service with"),
    ("NO_COLOR", "set to anything: no colours, which are on terminals only in any case"),
];

/// A shell with completions.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
}

/// Arguments of `completions`.
#[derive(clap::Args)]
pub struct Completions {
    /// Shell to print them for
    #[arg(value_name = "SHELL")]
    shell: ShellName,
}

/// Arguments of `man`.
#[derive(clap::Args)]
pub struct ManualPages {
    /// Directory, such as /usr/local/share/man: pages go to man1 and man5 in it
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Completions {
    /// Prints them.
    pub fn run(self) -> Result<(), CliError> {
        let mut command = visible(&help::command());
        let mut text = Vec::new();
        match self.shell {
            ShellName::Bash => generate(Bash, &mut command, "cdrscope", &mut text),
            ShellName::Zsh => generate(Zsh, &mut command, "cdrscope", &mut text),
            ShellName::Fish => generate(Fish, &mut command, "cdrscope", &mut text),
        }
        say(String::from_utf8_lossy(&text).trim_end());
        Ok(())
    }
}

/// The command without what is hidden, which completions would offer.
fn visible(command: &Command) -> Command {
    let args = command.get_arguments().filter(|arg| !arg.is_hide_set()).cloned();
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(visible);
    let shown = Command::new(command.get_name().to_owned()).args(args).subcommands(inner);
    match command.get_about() {
        Some(about) => shown.about(about.clone()),
        None => shown,
    }
}

impl ManualPages {
    /// Writes them, in place of those that are there.
    pub fn run(self) -> Result<(), CliError> {
        let fail = |error: io::Error| CliError::Failed(format!("{}: {error}", self.directory.display()));
        let mut command = help::command().disable_help_subcommand(true);
        command.build();
        let mut count = 0;
        let pages = self.directory.join("man1");
        fs::create_dir_all(&pages).map_err(fail)?;
        write_pages(command, &pages, &mut count).map_err(fail)?;
        let pages = self.directory.join("man5");
        fs::create_dir_all(&pages).map_err(fail)?;
        fs::write(pages.join("cdrscope.toml.5"), settings_page()).map_err(fail)?;
        say(format_args!("{} pages in {}", count + 1, self.directory.display()));
        Ok(())
    }
}

/// A page for the command and for each of its own.
fn write_pages(command: Command, folder: &Path, count: &mut usize) -> io::Result<()> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write_pages(inner.clone(), folder, count)?;
    }
    // More than a hundred flags are the same in every command: they have a page of their own.
    let is_setting = |arg: &clap::Arg| arg.get_help_heading() == Some(SETTINGS);
    let has_settings = command.get_arguments().any(is_setting);
    let command = command.mut_args(|arg| if is_setting(&arg) { arg.hide(true) } else { arg });
    let has_commands = command.get_subcommands().any(|inner| !inner.is_hide_set());
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command).source(concat!("cdrscope ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut more = Roff::new();
    if has_settings {
        more.control("SH", ["SETTINGS"]);
        more.text([
            roman("Each setting is a flag too: http.listen is "),
            bold("--http-listen"),
            roman(". See cdrscope.toml(5)."),
        ]);
    }
    section(&mut more, "EXIT STATUS", EXIT_CODES.iter().map(|(code, meaning)| (code.to_string(), *meaning)));
    section(&mut more, "ENVIRONMENT", VARIABLES.iter().map(|(name, meaning)| ((*name).to_owned(), *meaning)));
    // A task and the command line that does it, in turns, below a heading.
    let lines: Vec<&str> = examples.lines().skip(1).map(str::trim).collect();
    if !lines.is_empty() {
        more.control("SH", ["EXAMPLES"]);
    }
    for example in lines.chunks(2) {
        more.control("TP", []);
        more.text([roman(example.first().copied().unwrap_or_default())]);
        more.text([bold(example.get(1).copied().unwrap_or_default())]);
    }
    more.to_writer(&mut page)?;
    *count += 1;
    fs::write(folder.join(man.get_filename()), page)
}

fn section<'a>(page: &mut Roff, title: &str, rows: impl Iterator<Item = (String, &'a str)>) {
    page.control("SH", [title]);
    for (name, meaning) in rows {
        page.control("TP", []);
        page.text([bold(name)]);
        page.text([roman(meaning)]);
    }
}

/// The page of the settings file.
fn settings_page() -> String {
    let mut page = Roff::new();
    page.control("TH", ["cdrscope.toml", "5", "", concat!("cdrscope ", env!("CARGO_PKG_VERSION"))]);
    page.control("SH", ["NAME"]);
    page.text([roman("cdrscope.toml - settings of cdrscope")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(
        "A file in TOML, named by --config or CDRSCOPE_CONFIG. A flag wins over the environment, that over the file, that over \
         the defaults. Secrets have no flags. Unknown names and bad values stop the start, and all of them are listed.",
    )]);
    let row = |key: &crate::config::Setting| {
        let default = if key.default.is_empty() { "none" } else { key.default };
        let flag = if key.secret { String::new() } else { format!(", --{}", key.flag()) };
        format!("{} Default: {default}. Also {}{flag}.", key.help, key.env())
    };
    let rows: Vec<(String, String)> = KEYS.iter().map(|key| (key.name.to_owned(), row(key))).collect();
    section(&mut page, "SETTINGS", rows.iter().map(|(name, text)| (name.clone(), text.as_str())));
    page.render()
}
