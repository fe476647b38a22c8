//! Where the engine's program is: named, on PATH, or in the cache that `scripts/fetch-engine.sh` fills.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::EngineError;

/// The release that `scripts/fetch-engine.sh` pins; a test compares the two.
pub const RELEASE: &str = "26.7.3-stable.1";

/// The engine in one of its two forms.
#[derive(Debug, Clone)]
pub(super) enum Program {
    /// An official `clickhouse`.
    Official(PathBuf),
    /// The engine as a shared library, for the launcher to load.
    Library(PathBuf),
}

/// The program to run: `named` if it is given, else an official `clickhouse`, else the fetched library.
pub(super) fn program(named: Option<&Path>, cache: Option<&Path>) -> Result<Program, EngineError> {
    if let Some(path) = named {
        return named_program(path);
    }
    if let Some(path) = on_path("clickhouse") {
        return Ok(Program::Official(path));
    }
    let library = cache.map_or_else(default_cache, Path::to_owned).join(format!("engine-{RELEASE}/libchdb.so"));
    if library.is_file() { Ok(Program::Library(library)) } else { Err(EngineError::NotFound { library }) }
}

/// A warning where another user than root and this one can change the program, or put another in its place.
pub(super) fn warning(program: &Program) -> Option<String> {
    let (Program::Official(path) | Program::Library(path)) = program;
    let path = path.canonicalize().ok()?;
    let own = [0, rustix::process::geteuid().as_raw()];
    // In a sticky folder others can make files, and not replace ours.
    let open = |path: &&Path| {
        fs::symlink_metadata(path)
            .is_ok_and(|meta| !own.contains(&meta.uid()) || (meta.mode() & 0o002 != 0 && meta.mode() & 0o1000 == 0))
    };
    let open = path.ancestors().find(open)?.display();
    Some(format!(
        "other users can change {open}, and with it the engine {}: they would see every call; let it be this user's or root's alone",
        path.display()
    ))
}

fn named_program(path: &Path) -> Result<Program, EngineError> {
    let fail = |source| EngineError::Program { path: path.to_owned(), source };
    // The engine runs in another directory than we do.
    let full = std::path::absolute(path).map_err(fail)?;
    File::open(&full).map_err(fail)?;
    if full.is_dir() {
        return Err(fail(io::ErrorKind::IsADirectory.into()));
    }
    let is_library = matches!(full.extension().and_then(OsStr::to_str), Some("so" | "dylib"));
    Ok(if is_library { Program::Library(full) } else { Program::Official(full) })
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .filter_map(|dir| std::path::absolute(dir.join(name)).ok())
        .find(|path| fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0))
}

/// The same folder as in `scripts/fetch-engine.sh`.
fn default_cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap_or_else(|| "/".into()).join(".cache")).join("cdrscope")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_one_that_the_script_fetches() {
        let script = include_str!("../../scripts/fetch-engine.sh");
        assert!(script.contains(&format!("\nrelease={RELEASE}\n")));
    }

    #[test]
    fn a_named_program_that_is_not_there_is_refused_by_name() {
        let error = program(Some(Path::new("no/such/libchdb.so")), None).unwrap_err().to_string();
        assert!(error.starts_with("cannot use the engine no/such/libchdb.so: No such file"), "{error}");
    }

    #[test]
    fn the_ending_tells_a_library_from_a_program() {
        let dir = tempfile::tempdir().unwrap();
        for (name, is_library) in [("libchdb.so", true), ("libchdb.dylib", true), ("clickhouse", false)] {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            let found = program(Some(&path), None).unwrap();
            assert_eq!(matches!(found, Program::Library(_)), is_library, "{name}");
        }
    }

    #[test]
    fn a_program_that_others_can_change_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cache");
        let library = folder.join("libchdb.so");
        fs::create_dir(&folder).unwrap();
        fs::write(&library, "").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (folders, files, warned) in
            [(0o755, 0o644, None), (0o1777, 0o644, None), (0o755, 0o666, Some(&library)), (0o777, 0o644, Some(&folder))]
        {
            mode(&folder, folders);
            mode(&library, files);
            let said = warning(&Program::Library(library.clone()));
            let wanted = warned.map(|path| format!("other users can change {}, ", path.display()));
            match wanted {
                Some(wanted) => assert!(said.as_ref().is_some_and(|said| said.starts_with(&wanted)), "{said:?}"),
                None => assert_eq!(said, None),
            }
        }
    }
}
