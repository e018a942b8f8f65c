//! Says loudly what could not be tested.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Reports that `what` was not tested because of `why`, on the process's own standard error: the test harness
/// swallows what a passing test prints, and a skipped test passes.
///
/// # Panics
/// Where nothing may be skipped: with `S3PIPES_NO_SKIP=1`, or with `CI` set.
pub fn skipped(what: &str, why: &str) {
    assert!(may_skip(), "{what} can't be tested: {why}");
    let line = format!("SKIPPED: {what}: {why}\n");
    // Written to the descriptor itself: `eprintln!` would go to the harness.
    if let Ok(mut terminal) = OpenOptions::new().append(true).open("/dev/stderr") {
        // Nobody reads it: nobody is misled either.
        let _ = terminal.write_all(line.as_bytes());
    }
}

fn may_skip() -> bool {
    std::env::var_os("CI").is_none()
        && std::env::var_os("S3PIPES_NO_SKIP").is_none_or(|value| value != "1")
}

/// Those of `programs` that are not on the PATH.
#[must_use]
pub fn programs(programs: &[&str]) -> Vec<String> {
    programs
        .iter()
        .filter(|name| find(name).is_none())
        .map(|&name| name.to_owned())
        .collect()
}

/// Where a program is, if it is on the PATH or in the folders of system programs.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
