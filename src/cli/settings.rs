//! `--config FILE` and a flag for every setting but secrets, made from the table of settings.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::CliError;
use crate::config::load::Sources;
use crate::config::{Config, KEYS};

/// Where the settings of this run come from.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

impl Settings {
    /// The settings file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Flags over environment over file over defaults, checked.
    pub fn load(&self) -> Result<Config, CliError> {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        Ok(Sources { file: self.file.clone(), env, flags: self.flags.clone() }.load()?)
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .env("CDRSCOPE_CONFIG")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Settings file (TOML)");
        KEYS.iter().fold(command.arg(file), |command, key| {
            if key.secret {
                // Known, so that it can be refused by name; its value is never looked at.
                let refused = Arg::new(key.name).long(key.flag()).num_args(0..=1).allow_hyphen_values(true).hide(true);
                return command.arg(refused);
            }
            let default = if key.default.is_empty() { String::new() } else { format!(" [default: {}]", key.default) };
            command.arg(
                Arg::new(key.name)
                    .long(key.flag())
                    .value_name("VALUE")
                    .allow_hyphen_values(true)
                    .hide_short_help(true)
                    .help_heading("Settings")
                    .help(format!("{}{default}", key.help)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = KEYS
            .iter()
            .filter_map(|key| match key.secret {
                true => matches.contains_id(key.name).then(|| (key.name, String::new())),
                false => matches.get_one::<String>(key.name).map(|value| (key.name, value.clone())),
            })
            .collect();
        Ok(Self { file: matches.get_one("config").cloned(), flags })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
