//! Lists the built files of the page, so that the program holds them, and names the commit. Nothing is built here: `cargo build`
//! needs neither npm, git nor a network. Without `web/dist` the list is empty, and the service has no page.

#[path = "src/cli/commit.rs"]
mod commit;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The built files, in the package.
const DIST: &str = "web/dist";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let dist = root.join(DIST);
    // Cargo looks at a folder with all that is in it; one that is missing would have this run each time.
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/cli/commit.rs");
    println!("cargo:rustc-env=BUILT_FROM_COMMIT={}", commit(&root));
    if root.join("web").is_dir() {
        println!("cargo:rerun-if-changed={}", if dist.is_dir() { DIST } else { "web" });
    }
    let mut list = String::from("&[\n");
    for (name, path) in files(&dist)? {
        let [brotli, gzip] = ["br", "gz"].map(|coding| path.with_added_extension(coding));
        for packed in [&brotli, &gzip] {
            if !packed.is_file() {
                return Err(format!("{} is missing: build the page again", packed.display()).into());
            }
        }
        writeln!(
            list,
            "    BuiltFile {{ name: {name:?}, plain: include_bytes!({path:?}), brotli: include_bytes!({brotli:?}), \
             gzip: include_bytes!({gzip:?}) }},"
        )?;
    }
    list.push_str("]\n");
    std::fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("page_files.rs"), list)?;
    Ok(())
}

/// The commit for `--version`: SOURCE_COMMIT, by which builds of an archive or in a container tell theirs, else that of git. Builds
/// for development name none, as each commit would compile the crate again.
fn commit(root: &Path) -> String {
    const GIVEN: &str = "SOURCE_COMMIT";
    println!("cargo:rerun-if-env-changed={GIVEN}");
    if let Some(id) = std::env::var(GIVEN).ok().as_deref().and_then(commit::hexadecimal) {
        return id;
    }
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return "not recorded (a build for development)".to_owned();
    }
    let found = commit::of_tree(root);
    found.watched.iter().for_each(|path| println!("cargo:rerun-if-changed={}", path.display()));
    found.id.unwrap_or_else(|| "unknown".to_owned())
}

/// The files that are served, by name, in an order that does not change: `index.html` and `assets/…`, without those that are
/// packed forms of others.
fn files(dist: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut all = Vec::new();
    for (folder, prefix) in [(dist.to_owned(), ""), (dist.join("assets"), "assets/")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name that is no text")?;
            if path.is_file() && !name.ends_with(".br") && !name.ends_with(".gz") {
                all.push((format!("{prefix}{name}"), path.clone()));
            }
        }
    }
    all.sort();
    Ok(all)
}
