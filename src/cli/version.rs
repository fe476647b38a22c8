//! The version of the program, with all that can differ between two builds of one number.

use crate::embedded::ENGINE_RELEASE;
use crate::migrate::MIGRATIONS;

/// The features that a build can go without.
const FEATURES: [(&str, bool); 2] = [("manual", cfg!(feature = "manual")), ("s3", cfg!(feature = "s3"))];

/// The text of `--version`, without the program's name: commit, engine, schema and features.
pub fn long() -> String {
    let features: Vec<&str> = FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    format!(
        "{}\ncommit    {}\nengine    {ENGINE_RELEASE} (where none is named or on PATH)\nschema    {}\nfeatures  {features}",
        env!("CARGO_PKG_VERSION"),
        env!("BUILT_FROM_COMMIT"),
        MIGRATIONS.len(),
    )
}

#[cfg(test)]
#[path = "commit.rs"]
mod commit;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::commit::of_tree;

    const ID: &str = "8e51a16c1d2e3f405162738495a6b7c8d9e0f102";

    #[test]
    fn the_commit_is_that_of_the_branch_wherever_git_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let id = |tree: &str| of_tree(&dir.path().join(tree)).id;
        // An archive, also one that lies in a repository.
        write("archive/Cargo.toml", "");
        write(".git/HEAD", ID);
        assert_eq!(id("archive"), None);
        write("detached/.git/HEAD", &format!("{ID}\n"));
        assert_eq!(id("detached").as_deref(), Some(ID));
        write("loose/.git/HEAD", "ref: refs/heads/some/branch\n");
        assert_eq!(id("loose"), None);
        write("loose/.git/packed-refs", &format!("# pack-refs\n{ID} refs/heads/some/branch\n{ID} refs/heads/other\n"));
        assert_eq!(id("loose").as_deref(), Some(ID));
        let newer = ID.replace('8', "7");
        write("loose/.git/refs/heads/some/branch", &format!("{newer}\n"));
        assert_eq!(id("loose"), Some(newer.clone()));
        // A worktree has a file that names its folder, and its branch is the repository's.
        write("tree/.git", "gitdir: ../loose/.git/worktrees/tree\n");
        write("loose/.git/worktrees/tree/HEAD", "ref: refs/heads/some/branch\n");
        write("loose/.git/worktrees/tree/commondir", "../..\n");
        assert_eq!(id("tree"), Some(newer));
        assert_eq!(of_tree(&dir.path().join("tree")).watched.len(), 3);
        write("odd/.git/HEAD", "ref: refs/heads/../../../secret\nmore");
        assert_eq!(id("odd"), None);
    }
}
