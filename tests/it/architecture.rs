//! The rules of docs/architecture.md, read from the source: which module may use which, who makes scopes and statements.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

/// A file of src without its tests and comments.
struct File {
    path: String,
    /// The first part of its path below src.
    module: String,
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn files() -> Vec<File> {
    let (src, mut paths) = (root().join("src"), Vec::new());
    walk(&src, &mut paths);
    paths.sort();
    let declared = Regex::new(r"#\[cfg\(test\)\]\nmod (\w+);").unwrap();
    let tests = paths.iter().flat_map(|path| test_files(path, &declared)).collect::<BTreeSet<_>>();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let path = path.strip_prefix(&src).unwrap().display().to_string();
        let module = path.split(['/', '.']).next().unwrap().to_owned();
        File { path, module, code: code.join("\n") }
    };
    let files = paths.iter().filter(|path| !tests.contains(*path)).map(read);
    files.filter(|file| !["lib", "main"].contains(&file.module.as_str())).collect()
}

/// Modules that a file declares for tests alone.
fn test_files(path: &Path, declared: &Regex) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap();
    let names = declared.captures_iter(&text).map(|found| format!("{}.rs", &found[1]));
    names.map(|name| path.parent().unwrap().join(name)).collect()
}

/// The modules of the crate that each module uses.
fn uses(files: &[File]) -> BTreeMap<String, BTreeSet<String>> {
    let named = Regex::new(r"crate::(?:(\w+)|\{([^;]*)\};)").unwrap();
    let first = Regex::new(r"(?:^|[,{])\s*(\w+)").unwrap();
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let own = uses.entry(file.module.clone()).or_default();
        for found in named.captures_iter(&file.code) {
            match (found.get(1), found.get(2)) {
                (Some(name), _) => drop(own.insert(name.as_str().to_owned())),
                (_, Some(list)) => own.extend(first.captures_iter(list.as_str()).map(|name| name[1].to_owned())),
                _ => {}
            }
        }
        own.remove(&file.module);
    }
    uses
}

/// The table of docs/architecture.md: `| module | what it is | what it uses |`.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `(\w+)` \| [^|]+ \|([^|]*)\|$").unwrap();
    let names = Regex::new(r"\w+").unwrap();
    let list = |text: &str| names.find_iter(text).map(|name| name.as_str().to_owned()).collect();
    row.captures_iter(&text).map(|found| (found[1].to_owned(), list(&found[2]))).collect()
}

#[test]
fn modules_use_what_the_document_says_and_no_other() {
    let (uses, allowed) = (uses(&files()), allowed());
    let wrong: Vec<String> = uses
        .iter()
        .filter(|(module, used)| allowed.get(*module) != Some(*used))
        .map(|(module, used)| format!("{module} uses {used:?}, the document says {:?}", allowed.get(module)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(uses.len() > 25, "{uses:?}");
    assert_eq!(allowed.keys().collect::<Vec<_>>(), uses.keys().collect::<Vec<_>>());
}

#[test]
fn modules_have_an_order_in_which_each_uses_earlier_ones_only() {
    let mut left = uses(&files());
    while !left.is_empty() {
        let next = left.iter().find(|(_, used)| used.iter().all(|name| !left.contains_key(name)));
        let next = next.map(|(module, _)| module.clone());
        let module = next.unwrap_or_else(|| panic!("a circle among {:?}", left.keys()));
        left.remove(&module);
    }
}

/// The files and tests that docs/architecture.md names are there.
#[test]
fn what_the_document_names_exists() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        walk(&root().join(folder), &mut sources);
    }
    let code: String = sources.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let named = Regex::new(r"`([\w/:.]+)`").unwrap();
    let mut found = 0;
    for name in named.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()) {
        if name.ends_with(".rs") || name.ends_with(".toml") {
            found += 1;
            let places = ["", "src", "tests/it"].map(|folder| root().join(folder).join(name));
            assert!(places.iter().any(|path| path.exists()), "there is no {name}");
        } else if let Some((_, test)) = name.rsplit_once("::").filter(|(_, test)| test.contains('_')) {
            found += 1;
            assert!(code.contains(&format!("fn {test}(")), "there is no test {name}");
        }
    }
    assert!(found > 40, "{found}");
}

fn files_with(text: &str) -> Vec<String> {
    let found = files().into_iter().filter(|file| file.code.contains(text));
    found.map(|file| file.path).collect()
}

#[test]
fn the_access_check_alone_makes_a_scope() {
    assert_eq!(files_with("Scope::proven("), ["access/mod.rs", "access/operators.rs"]);
}

#[test]
fn statements_for_figures_are_made_and_run_by_the_engine_alone() {
    assert_eq!(files_with("sql::select"), ["cache/series.rs", "engine/mod.rs"]);
    for groups in ["sql::groups(", "sql::distinct_of_others("] {
        assert_eq!(files_with(groups), ["engine/breakdowns.rs"], "{groups}");
    }
    assert_eq!(files_with("sql::cdr_"), ["engine/cdrs.rs"]);
    assert_eq!(files_with("store.export("), ["engine/cdrs.rs"]);
    let read = Regex::new(r"\bstore\s*\.read\(").unwrap();
    let reading = files().into_iter().filter(|file| read.is_match(&file.code)).map(|file| file.path);
    assert_eq!(
        reading.collect::<Vec<_>>(),
        ["cache/series.rs", "engine/breakdowns.rs", "engine/cdrs.rs", "engine/mod.rs"]
    );
    for file in files().iter().filter(|file| file.module == "http") {
        assert!(!file.code.contains("query_raw"), "{} asks ClickHouse itself", file.path);
    }
    assert_eq!(files_with("cache::assemble("), ["engine/mod.rs"]);
}

/// Of statements for figures one file alone names what a server has by itself; the commands that do too are listed.
#[test]
fn tables_of_one_server_are_known_where_the_document_says() {
    let own = Regex::new(r"\bsystem\.[a-z_]+|\b_part\b|mergeTreeProjection").unwrap();
    let knowing = files().into_iter().filter(|file| file.module != "embedded" && own.is_match(&file.code));
    let knowing: Vec<String> = knowing.map(|file| file.path).collect();
    let (core, beside): (Vec<_>, Vec<_>) = knowing
        .into_iter()
        .partition(|path| ["sql/", "store/", "cache/", "engine/"].iter().any(|module| path.starts_with(module)));
    assert_eq!(core, ["sql/layout.rs"]);
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let row = text.lines().find(|line| line.starts_with("| another layout than one server |")).unwrap();
    for path in beside {
        assert!(row.contains(&format!("`{path}`")), "the document does not say that {path} knows one server");
    }
}

#[test]
fn the_core_does_not_know_the_web_or_the_client() {
    for file in files().iter().filter(|file| {
        ["query", "report", "sql", "columns", "format", "cache", "engine", "token"].contains(&&*file.module)
    }) {
        for forbidden in ["actix_web", "clickhouse::"] {
            assert!(!file.code.contains(forbidden), "{} knows {forbidden}", file.path);
        }
    }
}

#[test]
fn no_type_name_stands_for_two_things() {
    let declared = Regex::new(r"\b(?:struct|enum|trait|type) ([A-Z]\w*)").unwrap();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let associated = Regex::new(r"(?m)^\s+type \w+( =|:)").unwrap();
    for file in files() {
        let code = associated.replace_all(&file.code, "");
        for found in declared.captures_iter(&code) {
            *count.entry(found[1].to_owned()).or_default() += 1;
        }
    }
    let double: Vec<_> = count.iter().filter(|(_, times)| **times > 1).map(|(name, _)| name).collect();
    assert!(double.is_empty(), "{double:?}");
}

/// Doc comments that begin with a question word, by folders that still have some. The numbers may fall.
const QUESTIONS: &[(&str, usize)] = &[];

#[test]
fn doc_comments_say_what_a_thing_is() {
    let question = Regex::new(r"(?m)^\s*//[/!] (?:What|Whether|Who|Whose|How)\b").unwrap();
    let (src, mut paths) = (root().join("src"), Vec::new());
    walk(&src, &mut paths);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let module = path.strip_prefix(&src).unwrap().display().to_string();
        let module = module.split(['/', '.']).next().unwrap().to_owned();
        *count.entry(module).or_default() += question.find_iter(&std::fs::read_to_string(path).unwrap()).count();
    }
    for (module, found) in count {
        let allowed = QUESTIONS.iter().find(|(name, _)| *name == module).map_or(0, |(_, allowed)| *allowed);
        assert!(found <= allowed, "{module}: {found} doc comments begin with a question word");
    }
}
