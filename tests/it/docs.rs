//! What the documents and samples say is there: every setting, parameter, command, flag and file that they name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cdrscope::config::load::Sources;
use cdrscope::config::{Config, KEYS};
use cdrscope::report::REPORTS;
use cdrscope::report::form::FORMATS;
use cdrscope::report::groups::DIMENSIONS;
use cdrscope::report::measure::MEASURES;
use cdrscope::report::param::CALL_FILTERS;

/// Settings that hold a list.
const LISTS: &[&str] = &[
    "http.trusted_proxies",
    "auth.secrets",
    "auth.public_keys",
    "reports.ner_q850",
    "reports.ner_q850_rang",
    "reports.ner_sip",
    "reports.ner_sip_rang",
];

/// Read by the command line, not settings.
const OTHER_VARIABLES: &[&str] = &["CDRSCOPE_CONFIG", "CDRSCOPE_LOG", "CDRSCOPE_ENGINE_CACHE", "CDRSCOPE_TOKEN"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// README.md and its like, and docs/*.md, by name.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), read(path))).collect()
}

/// Every run of the characters that `word` accepts.
fn words(text: &str, word: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !word(c)).filter(|found| !found.is_empty())
}

/// What stands between backquotes on one line.
fn code_spans(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("```")).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// config/cdrscope.toml as it has to be: every setting with its help and default, commented out.
fn sample() -> String {
    let mut text = String::from(
        "# Settings of cdrscope: every one there is, with its default. Uncomment what you change and give the file with\n\
         # `--config FILE` after the command, or in CDRSCOPE_CONFIG. The environment wins over the file (http.listen is\n\
         # CDRSCOPE_HTTP_LISTEN), a flag over both (--http-listen). An unknown name is an error.\n",
    );
    let mut section = "";
    for key in KEYS {
        let (in_section, name) = key.name.split_once('.').unwrap();
        if in_section != section {
            section = in_section;
            text += &format!("\n[{section}]\n");
        }
        let bare =
            !key.default.is_empty() && (key.default.parse::<u64>().is_ok() || key.default.parse::<bool>().is_ok());
        let value = match key.default {
            list if LISTS.contains(&key.name) => format!("[{}]", list.replace(',', ", ")),
            default if bare => default.to_owned(),
            default => format!("{default:?}"),
        };
        text += &format!("# {}\n#{name} = {value}\n", key.help);
    }
    text
}

#[test]
fn the_sample_file_lists_every_setting_with_its_default() {
    let path = root().join("config/cdrscope.toml");
    if std::env::var_os("CDRSCOPE_TEST_WRITE").is_some() {
        std::fs::write(&path, sample()).unwrap();
    }
    assert!(
        read(&path) == sample(),
        "config/cdrscope.toml is behind the settings: CDRSCOPE_TEST_WRITE=1 cargo test --test it docs writes it anew"
    );
}

#[test]
fn the_sample_file_uncommented_is_the_defaults() {
    let text: String = sample()
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cdrscope.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = Sources { file: Some(file), ..Sources::default() }.load().unwrap();
    assert_eq!(format!("{loaded:?}"), format!("{:?}", Config::default()));
}

#[test]
fn documents_name_settings_that_exist() {
    let sections: BTreeSet<&str> = KEYS.iter().map(|key| key.name.split_once('.').unwrap().0).collect();
    for (path, text) in documents() {
        for span in code_spans(&text) {
            let Some((section, key)) = span.split_once('.') else { continue };
            let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if sections.contains(section) && is_key && !["md", "rs", "log"].contains(&key) {
                assert!(KEYS.iter().any(|known| known.name == span), "{}: no setting {span}", path.display());
            }
        }
    }
}

#[test]
fn documents_and_samples_name_variables_that_exist() {
    let mut files = documents();
    for sample in ["compose.yaml", "Dockerfile", "Makefile", "config/cdrscope.toml"] {
        files.push((sample.into(), read(sample)));
    }
    for (path, text) in files {
        for name in words(&text, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            let known = OTHER_VARIABLES.contains(&name) || KEYS.iter().any(|key| key.env() == name);
            let ours = name.starts_with("CDRSCOPE_") && !name.starts_with("CDRSCOPE_TEST_");
            assert!(!ours || known, "{}: no variable {name}", path.display());
        }
    }
}

/// Options that `cdrscope` or one of its commands has, by what its help says.
fn options(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_cdrscope")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "cdrscope {}", arguments.join(" "));
    let help = String::from_utf8(output.stdout).unwrap();
    let option = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    words(&help, option).filter(|word| word.starts_with("--")).map(str::to_owned).collect()
}

/// The command lines `cdrscope …` that a document shows, in code spans and blocks.
fn command_lines(text: &str) -> Vec<Vec<&str>> {
    let mut block = false;
    let mut shown = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            block = !block;
        } else if block {
            shown.push(line);
        } else {
            shown.extend(line.split('`').skip(1).step_by(2));
        }
    }
    let command = |line: &'_ str| -> Option<usize> {
        let start = line.find("cdrscope ")?;
        // The start of a command, also behind a shell's prompt, variables or a path; not a word of a sentence.
        (start == 0 || matches!(line.as_bytes()[start - 1], b' ' | b'/')).then_some(start)
    };
    shown.into_iter().filter_map(|line| Some(line[command(line)?..].split_whitespace().skip(1).collect())).collect()
}

#[test]
fn documents_show_commands_and_flags_that_exist() {
    let commands = options_of_commands();
    for (path, text) in documents() {
        for line in command_lines(&text) {
            let Some((name, _)) = line.split_first() else { continue };
            // `cdrscope --help`, or prose in a code block.
            if !name.chars().all(|c| c.is_ascii_lowercase()) {
                continue;
            }
            let Some((_, options)) = commands.iter().find(|(command, _)| command == name) else {
                panic!("{}: no command cdrscope {name}", path.display());
            };
            for flag in line.iter().filter_map(|word| word.strip_prefix("--")) {
                let flag = format!("--{}", flag.split('=').next().unwrap());
                assert!(options.contains(&flag), "{}: cdrscope {name} has no {flag}", path.display());
            }
        }
    }
}

/// Every command with the options of its help, those of its own commands included.
fn options_of_commands() -> Vec<(String, BTreeSet<String>)> {
    let subcommands = |arguments: &[&str]| -> Vec<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_cdrscope")).args(arguments).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let listed = help.split_once("Commands:\n").map_or("", |(_, rest)| rest);
        let listed = listed.lines().take_while(|line| line.starts_with("  "));
        listed
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .filter(|name| name != "help")
            .collect()
    };
    let all = |name: String| {
        let mut found = options(&[&name]);
        for inner in subcommands(&[&name]) {
            found.extend(options(&[&name, &inner]));
        }
        (name, found)
    };
    subcommands(&[]).into_iter().map(all).collect()
}

/// The names that a page of Markdown has for its headings: in lower case, with hyphens for blanks, without other signs.
fn anchors(path: &Path) -> BTreeSet<String> {
    let mut is_code = false;
    let text = std::fs::read_to_string(path).unwrap();
    let headings = text.lines().filter(|line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    });
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let name = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| kept(*c)).collect()
    };
    headings.map(name).collect()
}

#[test]
fn a_newcomer_finds_every_page_from_the_readme_which_is_short() {
    let text = read("README.md");
    assert!(text.lines().count() <= 150, "README.md has {} lines", text.lines().count());
    for (path, _) in documents() {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        assert!(name == "README.md" || text.contains(&format!("]({name})")), "README.md has no link to {name}");
    }
}

#[test]
fn documents_link_to_files_make_targets_and_headings_that_exist() {
    let makefile = read("Makefile");
    for (path, text) in documents() {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let images = text.split("src=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(link, _)| link);
        for link in links.chain(images) {
            let file = link.split('#').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: no file {link}", path.display());
            if let Some((_, anchor)) = link.split_once('#') {
                assert!(anchors(&target).contains(anchor), "{}: no heading {link}", path.display());
            }
        }
        for target in code_spans(&text).into_iter().filter_map(|span| span.strip_prefix("make ")) {
            assert!(makefile.contains(&format!("\n{target}:")), "{}: no target {target}", path.display());
        }
    }
}

#[test]
fn the_page_for_operators_shows_the_unit_that_the_package_installs() {
    let text = read("docs/operators.md");
    let shown = text.split("```ini\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(shown, read("config/debian/cdrscope.service"));
}

#[test]
fn the_page_of_raw_cdrs_names_every_column_with_its_type() {
    let text = read("docs/cdrs.md");
    for column in cdrscope::report::cdrs::columns::CDR_COLUMNS {
        let row = format!("| `{}` | {} |", column.name, column.kind.word());
        assert!(text.contains(&row) && text.contains(column.label), "docs/cdrs.md has no row {row}");
    }
}

#[test]
fn the_pages_of_breakdowns_and_files_name_all_that_the_catalogues_have() {
    let spans_of = |paths: &[&str]| -> BTreeSet<String> {
        paths
            .iter()
            .flat_map(|path| code_spans(&read(path)).into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let breakdowns = spans_of(&["docs/breakdowns.md", "docs/operator-view.md"]);
    // Live calls are counted by their own reports.
    let measures = MEASURES.iter().map(|row| row.name).filter(|name| *name != "calls");
    let filters = CALL_FILTERS.iter().map(|row| row.name).filter(|name| !name.starts_with("destination-prefix-"));
    for name in measures.chain(DIMENSIONS.iter().map(|row| row.name)).chain(filters.clone()) {
        assert!(breakdowns.contains(name), "docs/breakdowns.md and docs/operator-view.md do not name {name}");
    }
    let grafana = spans_of(&["docs/grafana.md"]);
    for name in CALL_FILTERS.iter().filter(|row| row.kind.is_list() && filters.clone().any(|name| name == row.name)) {
        assert!(grafana.contains(name.name), "docs/grafana.md does not name {}", name.name);
    }
    let files = spans_of(&["docs/files.md", "docs/cdrs.md"]);
    for row in FORMATS {
        assert!(files.contains(row.name), "docs/files.md and docs/cdrs.md do not name {}", row.name);
    }
}

#[test]
fn the_api_reference_names_every_report_and_parameter_and_no_other() {
    let text = read("docs/api.md");
    let spans: BTreeSet<&str> = code_spans(&text).into_iter().collect();
    let mut params = BTreeSet::new();
    for report in REPORTS {
        assert!(spans.contains(report.name), "docs/api.md does not name {}", report.name);
        params.extend(report.params().map(|param| param.name));
    }
    // A family stands in the table as `duration` with its endings listed.
    let endings = ["-eq", "-not-eq", "-gt", "-gteq", "-lt", "-lteq", "-starts-with", "-ends-with", "-contains", "-in"];
    let written = |name: &str| {
        spans.contains(name)
            || endings.iter().any(|end| name.strip_suffix(end).is_some_and(|stem| spans.contains(stem)))
    };
    for param in &params {
        assert!(written(param), "docs/api.md does not name {param}");
    }
    let table = text.split("## Parameters").nth(1).unwrap().split("\n\n").nth(2).unwrap();
    for row in table.lines().skip(2) {
        for name in code_spans(row.split(" | ").next().unwrap()) {
            let known = params
                .iter()
                .any(|param| param.strip_prefix(name).is_some_and(|end| end.is_empty() || endings.contains(&end)));
            assert!(known, "docs/api.md names {name}, which no report has");
        }
    }
}
