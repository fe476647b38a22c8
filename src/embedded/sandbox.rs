//! The limits that the engine's process sets itself before the engine is loaded. SQL can read and write files, run
//! programs and open connections, and no grant stops all of it: the scalar function `file()` asks for none.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit};

/// The newest kernel interface whose rights are handled; older kernels enforce what they know of them.
const FILES: ABI = ABI::V5;
/// The first with rules for TCP (Linux 6.7).
const CONNECTIONS: ABI = ABI::V4;
/// The first that shields other processes from signals (Linux 6.12).
const PROCESSES: ABI = ABI::V6;

/// Read by the dynamic loader.
const LIBRARIES: &[&str] = &["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/etc/ld.so.cache"];
/// Read by the engine about the machine and itself, its environment and command line excepted.
const MACHINE: &[&str] = &[
    "/dev/random",
    "/dev/urandom",
    "/etc/localtime",
    "/proc/cpuinfo",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/pressure",
    "/proc/self/auxv",
    "/proc/self/cgroup",
    "/proc/self/maps",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/status",
    "/proc/stat",
    "/proc/sys/fs",
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/proc/uptime",
    "/proc/version",
    "/sys/block",
    "/sys/devices",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
    "/usr/share/zoneinfo",
];

/// The engine's reach.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    /// The library or program.
    pub(super) engine: &'a Path,
    /// True if `engine` is to be executed; nothing else can be.
    pub(super) is_program: bool,
    /// The settings files that it reads at its start.
    pub(super) settings: [PathBuf; 2],
    /// The directory that it may write in.
    pub(super) data: &'a Path,
    /// The TCP port that it may listen on. It connects to none.
    pub(super) port: u16,
}

/// The reason for a warning, if this kernel cannot set all limits.
pub(super) fn shortcoming() -> Option<&'static str> {
    let knows = |ruleset: Ruleset| ruleset.set_compatibility(CompatLevel::HardRequirement);
    if knows(Ruleset::default()).handle_access(AccessFs::from_all(ABI::V1)).is_err() {
        return Some(
            "this kernel does not have Landlock (Linux 5.13, `lsm=landlock`): users of the embedded engine can read every \
             file that cdrscope can, by the SQL function file()",
        );
    }
    if knows(Ruleset::default()).handle_access(AccessNet::from_all(CONNECTIONS)).is_err() {
        return Some(
            "this kernel has no Landlock rules for TCP (Linux 6.7): the administrator of the embedded engine can connect to \
             other machines, by the SQL function url()",
        );
    }
    None
}

/// Limits this process and all that it starts, for good. Call it before there is a second thread.
pub(super) fn enter(reach: &Reach<'_>) -> Result<(), String> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| format!("cannot forbid core dumps: {error}"))?;
    confine(reach).map_err(|error| format!("cannot confine the engine: {error}"))
}

fn confine(reach: &Reach<'_>) -> Result<(), RulesetError> {
    let read = AccessFs::from_read(FILES) & !AccessFs::Execute;
    let run = AccessFs::Execute | AccessFs::ReadFile;
    let devices =
        AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::MakeFifo | AccessFs::IoctlDev;
    let write = AccessFs::from_all(FILES) & !AccessFs::Execute & !devices;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(FILES))?
        .handle_access(AccessNet::from_all(CONNECTIONS))?
        .scope(Scope::from_all(PROCESSES))?
        .create()?
        .add_rule(NetPort::new(reach.port, AccessNet::BindTcp))?;
    for path in LIBRARIES.iter().chain(MACHINE) {
        rules = allow(rules, Path::new(path), read)?;
    }
    for path in named_libraries() {
        rules = allow(rules, &path, read)?;
    }
    for path in &reach.settings {
        rules = allow(rules, path, AccessFs::ReadFile.into())?;
    }
    rules = allow(rules, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    rules = allow(rules, reach.data, write)?;
    rules = allow(rules, reach.engine, if reach.is_program { run } else { AccessFs::ReadFile.into() })?;
    if reach.is_program {
        for loader in loaders() {
            rules = allow(rules, &loader, run)?;
        }
    }
    rules.restrict_self().map(drop)
}

/// Adds a rule for what is there; what is not needs none.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let Ok(file) = PathFd::new(path) else { return Ok(rules) };
    // A right that only directories have is refused for a file.
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(FILES) };
    rules.add_rule(PathBeneath::new(file, access))
}

/// Libraries in the folders of `LD_LIBRARY_PATH`, and nothing else in them.
fn named_libraries() -> Vec<PathBuf> {
    let folders: Vec<_> = std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths).collect();
    files_in(&folders, |name| name.ends_with(".so") || name.contains(".so."))
}

/// The dynamic loaders: the kernel executes one for each program that is not static.
fn loaders() -> Vec<PathBuf> {
    let is_loader = |name: &str| name.starts_with("ld-linux") || name.starts_with("ld-musl");
    let mut found = files_in(&["/lib", "/lib64"], is_loader);
    found.push("/nix/store".into());
    found
}

fn files_in(folders: &[impl AsRef<Path>], wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    entries.filter(|entry| wanted(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}
