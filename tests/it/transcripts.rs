//! Sessions at a terminal, compared with what they should look like.
//!
//! A case is `tests/cases/**/NAME.sh`, run by bash in a [`Workshop`]; beside it, `NAME.exp` is all that it says,
//! standard output and standard error together. `S3PIPES_BLESS=1` rewrites the `.exp` files: look at the
//! difference before you keep it. `S3PIPES_CASE=WORD` runs only the cases whose path in the project contains WORD; it
//! is an error if there is none.
//!
//! Comments at the top of a case say what it wants:
//!
//! ```text
//! # on: file s3serve radosgw      where it runs (default: file); the .exp is the same everywhere
//! # needs: dump lz4               programs without which it is skipped
//! # fault: UploadPart#1:slowdown  a fault of s3serve (tests/src/serve/faults.rs); one a line
//! # thaw: 2                       so many looks at an object are told that it is on its way from the archive
//! ```
//!
//! s3serve lets in two more keys: `writer` may only write, `creator` may only create; the secret of each is its name with
//! `secret` behind it.
//!
//! A case that finds out by itself that it can't run says `SKIPPED: REASON` on a line of its own.
//!
//! A case finds `$CASES` (source `$CASES/lib.sh`), `$S3_BUCKET`, the tools on its PATH, on s3serve also `$LOG`: a
//! line for each request; and on `file`, `$BUCKET_DIR`: the bucket's own folder. It stands in an empty folder.
//!
//! What differs from run to run is masked: [`masks`](crate::masks) has the rules, and there are no others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::bucket::embedded::Thaw;
use tests::client::wait_for;
use tests::missing;
use tests::serve;
use tests::servers::{self, Server, project};
use tests::tools::Workshop;

use crate::masks::masked;

/// Seconds after which a case is given up; far more than any of them takes.
const PATIENCE: &str = "120";

#[test]
fn transcripts() {
    let word = std::env::var("S3PIPES_CASE").unwrap_or_default();
    let cases: Vec<PathBuf> = files_below(&project().join("tests/cases"), "sh")
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name != "lib.sh"))
        .filter(|path| name_of(path).contains(&word))
        .collect();
    assert!(!cases.is_empty(), "no case's path contains {word:?}");
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        // More than there are cores: many wait, for servers or for a time that was asked for.
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.lock().unwrap().extend(judge(case));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} transcripts differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// An expectation whose case is gone would be kept for ever, and look like a test.
#[test]
fn expectations_have_cases() {
    let orphans: Vec<String> = files_below(&project().join("tests/cases"), "exp")
        .iter()
        .filter(|expected| !expected.with_extension("sh").is_file())
        .map(|expected| name_of(expected))
        .collect();
    assert!(orphans.is_empty(), "without a case: {}", orphans.join(" "));
}

/// A path as a developer would write it, from the top of the project.
fn name_of(path: &Path) -> String {
    path.strip_prefix(project())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// All files of a kind, in order.
pub fn files_below(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("read the folder of cases") {
        let path = entry.expect("read the folder of cases").path();
        if path.is_dir() {
            found.extend(files_below(&path, kind));
        } else if path.extension().is_some_and(|extension| extension == kind) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What a case's comments say.
struct Wants {
    on: Vec<String>,
    needs: Vec<String>,
    faults: Vec<String>,
    thaw: Thaw,
}

impl Wants {
    fn of(script: &str) -> Self {
        let mut wants = Self {
            on: Vec::new(),
            needs: Vec::new(),
            faults: Vec::new(),
            thaw: Thaw::Instant,
        };
        for line in script.lines().take_while(|line| line.starts_with('#')) {
            let words = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            match line.trim_start_matches(['#', ' ']).split_once(':') {
                Some(("on", places)) => wants.on.extend(words(places)),
                Some(("needs", programs)) => wants.needs.extend(words(programs)),
                Some(("fault", spec)) => wants.faults.push(spec.trim().to_owned()),
                Some(("thaw", looks)) => {
                    wants.thaw = Thaw::AfterLooks(looks.trim().parse().expect("a number of looks"));
                }
                _ => {}
            }
        }
        if wants.on.is_empty() {
            wants.on.push("file".to_owned());
        }
        wants
    }
}

/// The differences of a case from what it should be, one for each place where it runs.
fn judge(case: &Path) -> Vec<String> {
    let script = std::fs::read_to_string(case).expect("read a case");
    let name = name_of(case);
    let wants = Wants::of(&script);
    let needs: Vec<&str> = wants.needs.iter().map(String::as_str).collect();
    let lacking = missing::programs(&needs);
    if !lacking.is_empty() {
        missing::skipped(&name, &format!("not installed: {}", lacking.join(" ")));
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for place in &wants.on {
        let Some(said) = run(case, place, &wants) else {
            missing::skipped(&format!("{name} on {place}"), "no such server");
            continue;
        };
        if let Some(reason) = said.lines().find_map(|line| line.strip_prefix("SKIPPED: ")) {
            missing::skipped(&format!("{name} on {place}"), reason);
            continue;
        }
        wrong.extend(compare(
            &case.with_extension("exp"),
            &said,
            &format!("{name} on {place}"),
        ));
    }
    wrong
}

/// Compares with the expectation, or makes it.
pub fn compare(expected: &Path, said: &str, name: &str) -> Option<String> {
    if std::env::var("S3PIPES_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(expected, said).expect("write an expectation");
        return None;
    }
    let wanted = std::fs::read_to_string(expected).unwrap_or_default();
    if said == wanted {
        return None;
    }
    let mut text = format!("== {name}: -expected +said\n");
    for line in difference(&wanted, said) {
        let _ = writeln!(text, "{line}");
    }
    Some(text)
}

/// The lines around the difference: what both have in the beginning and in the end is left out, but for two lines.
fn difference(wanted: &str, said: &str) -> Vec<String> {
    let (wanted, said): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), said.lines().collect());
    let before = wanted.iter().zip(&said).take_while(|(a, b)| a == b).count();
    let longest = wanted.len().min(said.len()) - before;
    let after = wanted
        .iter()
        .rev()
        .zip(said.iter().rev())
        .take_while(|(a, b)| a == b)
        .count()
        .min(longest);
    let mut lines: Vec<String> = wanted[before.saturating_sub(2)..before]
        .iter()
        .map(|line| format!(" {line}"))
        .collect();
    lines.extend(
        wanted[before..wanted.len() - after]
            .iter()
            .map(|line| format!("-{line}")),
    );
    lines.extend(
        said[before..said.len() - after]
            .iter()
            .map(|line| format!("+{line}")),
    );
    lines
}

/// What a case says when it runs in `place`, masked; none if there is no such place here.
fn run(case: &Path, place: &str, wants: &Wants) -> Option<String> {
    let mut shop = Workshop::new();
    shop.set(
        "CASES",
        &project().join("tests/cases").display().to_string(),
    );
    let mut masks = Vec::new();
    let mut serving = None;
    match place {
        "file" => shop.set("BUCKET_DIR", &shop.bucket().display().to_string()),
        "s3serve" => {
            let log = shop.folder().join("requests");
            let root = shop.folder().join("disk");
            let options = serve::Options {
                log: Some(log.clone()),
                thaw: wants.thaw,
                ..serve::Options::new(root)
            };
            let options = options.writer("writer", false).writer("creator", true);
            let options = wants
                .faults
                .iter()
                .fold(options, |options, spec| options.fault(spec));
            let running = serve::start(options).expect("start s3serve");
            shop.set("LOG", &log.display().to_string());
            let server = Server::of_tests("s3serve", &running.url);
            serving = Some(running);
            go_to(&mut shop, &server, &mut masks);
        }
        "radosgw" => go_to(&mut shop, servers::radosgw()?, &mut masks),
        other => panic!("{}: there is no place called {other}", case.display()),
    }
    // One pipe for both streams, as on a terminal. bash reads the script as a file, so that messages name it.
    let (reader, writer) = std::io::pipe().expect("make a pipe");
    let copy = writer.try_clone().expect("copy a pipe");
    let name = case.file_name().unwrap_or_default();
    std::fs::copy(case, shop.folder().join(name)).expect("copy a case");
    // A case that hangs fails, with all that it started.
    let mut command = shop.command("timeout");
    command
        .args(["--kill-after=5", PATIENCE, "bash"])
        .arg(Path::new("..").join(name))
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(copy);
    let mut child = command.spawn().expect("start bash");
    // Our ends of the pipe go with it: or we would wait for ourselves.
    drop(command);
    let said = std::io::read_to_string(reader)
        .unwrap_or_else(|error| format!("could not be read: {error}\n"));
    let status = child.wait().expect("wait for bash");
    drop(serving);
    let bucket = format!("file://{}", shop.bucket().display());
    masks.push((bucket, "BUCKET".to_owned()));
    masks.push((shop.folder().display().to_string(), "SCRATCH".to_owned()));
    let mut said = masked(&said, &masks);
    if status.code() == Some(124) {
        let _ = writeln!(said, "the case was given up after {PATIENCE} seconds");
    } else if !status.success() {
        let _ = writeln!(
            said,
            "the case itself ended with {}",
            status.code().unwrap_or(-1)
        );
    }
    Some(said)
}

/// Points the tools to a bucket of their own on a server.
fn go_to(shop: &mut Workshop, server: &Server, masks: &mut Vec<(String, String)>) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let bucket = format!("s3pipes-case-{}-{number}", std::process::id());
    shop.go_to(server, &bucket);
    wait_for(server.client().create_bucket().bucket(&bucket).send()).expect("make a bucket");
    masks.push((format!("s3://{bucket}"), "BUCKET".to_owned()));
    masks.push((bucket, "BUCKETNAME".to_owned()));
    masks.push((server.endpoint.clone(), "ENDPOINT".to_owned()));
}
