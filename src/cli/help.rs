//! The definition of the command line with an example or two for each command. A test holds that every command has some and that
//! each can be parsed.

use clap::{Command, CommandFactory as _};

use super::Args;

/// A task, and the command line that does it.
type Example = (&'static str, &'static str);

/// Examples by command.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "serve",
        &[
            ("Try it with made-up calls", "cdrscope serve --demo"),
            ("Serve with a settings file", "cdrscope serve --config /etc/cdrscope/cdrscope.toml"),
        ],
    ),
    (
        "migrate",
        &[(
            "Make the tables as the user who may",
            "cdrscope migrate --clickhouse-user cdrscope_admin --clickhouse-password-file admin.password",
        )],
    ),
    (
        "check",
        &[
            ("Look at everything before the first start", "cdrscope check --config /etc/cdrscope/cdrscope.toml"),
            ("The same for a script", "cdrscope check --json"),
            ("Count the rows of a week that cannot be meant", "cdrscope check --data --since 7d"),
        ],
    ),
    ("health", &[("Ask the service of the settings", "cdrscope health")]),
    (
        "token",
        &[
            ("For a row of access, an hour long", "cdrscope token --access 1 --ttl 1h"),
            ("For a customer without a row, from one network", "cdrscope token --customer 5 --allowed-ip 192.0.2.0/24"),
        ],
    ),
    ("account add", &[("Add an account", "cdrscope account add --id 17 --customer 5 --name 'Acme wholesale'")]),
    ("account list", &[("List them for a script", "cdrscope account list --json")]),
    ("account rename", &[("Give account 17 another name", "cdrscope account rename 17 'Acme retail'")]),
    ("account remove", &[("Remove account 17; its calls stay", "cdrscope account remove 17")]),
    (
        "access add",
        &[
            ("Let a customer in from one network", "cdrscope access add --customer 5 --allowed-ip 192.0.2.0/24"),
            ("Let somebody sign in by password", "cdrscope access add --customer 5 --login ann"),
        ],
    ),
    ("access list", &[("List them for a script", "cdrscope access list --json")]),
    (
        "access set",
        &[
            ("Bind access 3 to another network", "cdrscope access set 3 --allowed-ip 198.51.100.0/24"),
            ("Let access 3 see all accounts of its customer", "cdrscope access set 3 --all-accounts"),
        ],
    ),
    ("access remove", &[("Remove access 3", "cdrscope access remove 3")]),
    ("access revoke", &[("Refuse all tokens that were given to a customer", "cdrscope access revoke --customer 5")]),
    ("access password", &[("Set a password from a file", "cdrscope access password ann < password")]),
    (
        "operator add",
        &[("Let somebody see all calls, with cost", "cdrscope operator add --name Olha --may cost --may vendors")],
    ),
    ("operator list", &[("List them for a script", "cdrscope operator list --json")]),
    ("operator remove", &[("Remove operator 2", "cdrscope operator remove 2")]),
    ("contractor name", &[("Name customer or vendor 5", "cdrscope contractor name 5 'Acme Telecom'")]),
    ("contractor list", &[("List them for a script", "cdrscope contractor list --json")]),
    ("contractor remove", &[("Remove the name of 5", "cdrscope contractor remove 5")]),
    ("demo", &[("Make ten thousand calls of a week", "cdrscope demo --calls 10000 --from 2026-11-01 --to 2026-11-08")]),
    (
        "load",
        &[
            ("See how a file is read", "cdrscope load cdrs.csv --sample"),
            ("Load a month of FreeSWITCH", "cdrscope load 'cdr/2026-11-*.csv.gz' --map freeswitch-csv"),
        ],
    ),
    (
        "export",
        &[
            (
                "All calls of November, on the server",
                "cdrscope export cdrs from-time=2026-11-01 to-time=2026-11-30 --output november.csv.gz",
            ),
            (
                "A customer's calls, from a service",
                "cdrscope export origination-cdrs --url https://api.example.net --token-file token from-time=2026-11-01 -o calls.parquet",
            ),
        ],
    ),
    (
        "report",
        &[
            (
                "Yesterday's margin by customer",
                "cdrscope report breakdown from-time=2026-11-24 group-by=customer measures=total_calls,asr,margin",
            ),
            (
                "A customer's days, for a script",
                "cdrscope report origination-statistics --customer 5 account-id=7fae7f26-6d0c-4dce-a4b5-9bd5f0f1a717 from-time=2026-11-01 sampling=day --format json",
            ),
        ],
    ),
    (
        "sql",
        &[
            ("Ask one thing", "cdrscope sql -q 'SELECT count() FROM cdrs'"),
            ("Run a script that changes tables", "cdrscope sql --admin < change.sql"),
        ],
    ),
    (
        "thin",
        &[
            ("See what would be freed", "cdrscope thin --before 2026-08"),
            ("Do it", "cdrscope thin --before 2026-08 --yes"),
        ],
    ),
    ("engine", &[("Run it in a directory", "cdrscope engine --engine-data-dir /var/lib/cdrscope")]),
    #[cfg(feature = "manual")]
    (
        "completions",
        &[
            ("For bash", "cdrscope completions bash > ~/.local/share/bash-completion/completions/cdrscope"),
            ("For zsh, in a folder of fpath", "cdrscope completions zsh > ~/.zfunc/_cdrscope"),
            ("For fish", "cdrscope completions fish > ~/.config/fish/completions/cdrscope.fish"),
        ],
    ),
    #[cfg(feature = "manual")]
    ("man", &[("For this user", "cdrscope man ~/.local/share/man")]),
];

/// The command line.
pub fn command() -> Command {
    with_examples(Args::command(), "")
}

fn with_examples(command: Command, path: &str) -> Command {
    let examples = EXAMPLES.iter().find(|(name, _)| *name == path).map(|(_, examples)| text(examples));
    let command = if let Some(text) = examples { command.after_help(text) } else { command };
    command.mut_subcommands(|inner| {
        let path = format!("{path} {}", inner.get_name());
        with_examples(inner, path.trim_start())
    })
}

fn text(examples: &[Example]) -> String {
    let lines = examples.iter().map(|(task, line)| format!("  {task}:\n    {line}"));
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a command line, up to what the shell does with it.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(" > ").next().unwrap().split(" < ").next().unwrap();
        let pieces = line.split('\'').enumerate();
        let words = pieces.flat_map(|(place, piece)| match place % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        });
        words.collect()
    }

    fn commands(command: &Command, path: &str, found: &mut Vec<String>) {
        let mut is_last = true;
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
            is_last = false;
            commands(inner, format!("{path} {}", inner.get_name()).trim_start(), found);
        }
        if is_last {
            found.push(path.to_owned());
        }
    }

    #[test]
    fn every_command_has_examples_that_it_takes() {
        let mut all = Vec::new();
        commands(&command(), "", &mut all);
        assert_eq!(all, EXAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (name, examples) in EXAMPLES {
            assert!(!examples.is_empty(), "{name}");
            for (_, line) in *examples {
                assert!(line.starts_with(&format!("cdrscope {name}")), "{line}");
                let parsed = command().try_get_matches_from(words(line));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn help_begins_with_a_verb() {
        let mut all = Vec::new();
        commands(&command(), "", &mut all);
        for path in all {
            let found = path.split(' ').try_fold(command(), |command, name| command.find_subcommand(name).cloned());
            let about = found.unwrap().get_about().unwrap().to_string();
            let first = about.split(' ').next().unwrap();
            let verbs = [
                "Add", "Ask", "Check", "Create", "Empty", "Fill", "List", "Load", "Name", "Print", "Refuse", "Remove",
                "Rename", "Run", "Set", "Change", "Sign", "Write",
            ];
            assert!(verbs.contains(&first), "{path}: {about}");
        }
    }
}
