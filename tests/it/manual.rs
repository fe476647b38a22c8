//! Completions and manual pages: all commands, and nothing that is hidden.

use std::path::Path;
use std::process::Command;

use cdrscope::config::KEYS;

use crate::hostile::program::command;

fn text(args: &[&str]) -> String {
    let output = command(args, &[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_offer_commands_and_flags_and_nothing_hidden() {
    let help = text(&["--help"]);
    let names = help.split_once("Commands:\n").unwrap().1.lines().take_while(|line| line.starts_with("  "));
    let names: Vec<&str> = names.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(names.len() > 15, "{names:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&["completions", shell]);
        for name in &names {
            assert!(script.contains(name), "{shell}: {name}");
        }
        for flag in ["clickhouse-url", "demo-calls", "allowed-ip"] {
            assert!(script.contains(flag), "{shell}: {flag}");
        }
        let words: Vec<&str> = script.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        for hidden in ["--auth-secret", "auth-secret", "--clickhouse-password", "clickhouse-password", "engine-child"] {
            assert!(!words.contains(&hidden), "{shell}: {hidden}");
        }
    }
    assert_eq!(command(&["completions", "tcsh"], &[]).output().unwrap().status.code(), Some(2));
    // As a shell takes them.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cdrscope");
    std::fs::write(&file, text(&["completions", "bash"])).unwrap();
    let ask =
        ". \"$0\"; COMP_WORDS=(cdrscope acc); COMP_CWORD=1; _cdrscope cdrscope acc cdrscope; echo ${COMPREPLY[@]}";
    let found = Command::new("bash").args(["-c", ask]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "account access\n");
}

fn page(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_command_has_a_manual_page_with_exit_codes_and_examples() {
    let dir = tempfile::tempdir().unwrap();
    let share = dir.path().join("man");
    let said = text(&["man", share.to_str().unwrap()]);
    let names: Vec<String> = std::fs::read_dir(share.join("man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(said.starts_with(&format!("{} pages in ", names.len() + 1)), "{said}");
    for wanted in ["cdrscope.1", "cdrscope-serve.1", "cdrscope-access-set.1", "cdrscope-sql.1", "cdrscope-man.1"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
    }
    for name in &names {
        let page = page(&share.join("man1"), name);
        assert!(
            !name.contains("child")
                && page.contains(".SH \"EXIT STATUS\"")
                && page.contains("wrong usage or wrong settings"),
            "{name}"
        );
        assert!(
            name.matches('-').count() == 0 || page.contains(".SH EXAMPLES") || page.contains("SUBCOMMANDS"),
            "{name}"
        );
        // Settings are in a page of their own.
        assert!(!page.contains("planner\\-enabled"), "{name}");
    }
    let settings = page(&share.join("man5"), "cdrscope.toml.5");
    for key in KEYS {
        assert!(settings.contains(key.name) && settings.contains(&key.env()), "{}", key.name);
    }
}

#[test]
fn documents_tell_the_exit_codes_of_the_manual() {
    let dir = tempfile::tempdir().unwrap();
    text(&["man", dir.path().to_str().unwrap()]);
    let page = page(&dir.path().join("man1"), "cdrscope.1");
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md")).unwrap();
    let codes = page.split("EXIT STATUS").nth(1).unwrap().split(".SH").next().unwrap();
    let codes: Vec<&str> = codes.split(".TP\n").skip(1).collect();
    assert_eq!(codes.len(), 4, "{page}");
    for code in codes {
        let (number, meaning) = code.split_once('\n').unwrap();
        let number = number.trim_start_matches("\\fB").trim_end_matches("\\fR");
        let meaning = meaning.trim().replace("\\-", "-");
        assert!(document.contains(&format!("| {number} | {meaning} |")), "| {number} | {meaning} |");
    }
}
