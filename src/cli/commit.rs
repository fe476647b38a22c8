//! The commit that a tree of sources is checked out at, read from the files of git: builds need no git program. The build script
//! includes this file.

use std::fs;
use std::path::{Path, PathBuf};

/// A commit, and the files that change when it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SourceCommit {
    /// Its id in hexadecimal; `None` outside of git.
    pub id: Option<String>,
    /// Files and folders that are there.
    pub watched: Vec<PathBuf>,
}

/// The commit of the tree at `root`. Only a `.git` of its own counts: an archive may be unpacked within another repository.
pub fn of_tree(root: &Path) -> SourceCommit {
    let Some(git) = git_folder(&root.join(".git")) else { return SourceCommit::default() };
    let shared = fs::read_to_string(git.join("commondir")).map_or_else(|_| git.clone(), |path| git.join(path.trim()));
    let head = git.join("HEAD");
    let Ok(text) = fs::read_to_string(&head) else { return SourceCommit::default() };
    let (id, places) = match text.trim().strip_prefix("ref: ") {
        None => (hexadecimal(&text), Vec::new()),
        Some(name) => {
            let loose = |folder: &Path| fs::read_to_string(folder.join(name)).ok().and_then(|text| hexadecimal(&text));
            let packed = shared.join("packed-refs");
            let id = loose(&git).or_else(|| loose(&shared)).or_else(|| {
                let text = fs::read_to_string(&packed).ok()?;
                text.lines().find_map(|line| hexadecimal(line.strip_suffix(name)?))
            });
            (id, vec![shared.join("refs/heads"), packed])
        }
    };
    let watched = std::iter::once(head).chain(places).filter(|path| path.exists()).collect();
    SourceCommit { id, watched }
}

/// The folder itself, or the one that the file of a worktree names.
fn git_folder(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let text = fs::read_to_string(path).ok()?;
    Some(path.parent()?.join(text.strip_prefix("gitdir: ")?.trim()))
}

/// The id, if that is one.
pub fn hexadecimal(text: &str) -> Option<String> {
    let text = text.trim();
    let is_id = (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_owned())
}
