//! What s3put notices when the programs before it die: each way to die, in each shell, with each policy.
//!
//! Each run looks at the bucket itself: nothing may be stored of a stream that something failed in, unless the matrix
//! says that it is out of sight. The outcome is `doc/kill-matrix.md`; `S3PIPES_BLESS=1` writes it anew.
//! `S3PIPES_MATRIX=WORDS` runs only the cells whose names, such as `Plain bash: a subshell`, contain WORDS, and doesn't
//! compare; `S3PIPES_MATRIX_RUNS=N` runs each of them N times, and all have to come out the same.
//!
//! Nothing waits for time to pass: producers stop in the middle until s3put says that it watches.

mod scenarios;

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{CWD, FileType, Mode as Bits, mknodat};
use tests::missing;
use tests::servers::project;
use tests::tools::Workshop;

use crate::idioms::Idiom;

use self::scenarios::{Cue, SCENARIOS, SCRIPTS, Scenario, Truth};

const SHELLS: [&str; 4] = ["bash", "dash", "busybox sh", "zsh"];

/// The last one shows what the shell alone notices; it is tried where there are two phases.
const POLICIES: [&str; 3] = ["not-failed", "clean", "always"];

/// How a line is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    Plain,
    Command,
    TwoPhases,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Plain, Self::Command, Self::TwoPhases];

    fn title(self) -> &'static str {
        match self {
            Self::Plain => "A plain pipe: `… | s3put home 0`",
            Self::Command => "A command: `s3put home 0 -- …`",
            Self::TwoPhases => "Two phases: `if … | s3put --prepare home 0 >receipt; then …`",
        }
    }

    /// The line of a scenario; none where there is nothing to show.
    fn line(self, scenario: &Scenario, shell: &str) -> Option<String> {
        let line = match self {
            Self::Plain => scenario.plain.to_owned(),
            Self::Command => with_pipefail(scenario.command, shell),
            Self::TwoPhases => Idiom::of(shell).script(scenario.phases.unwrap_or(scenario.plain)),
        };
        let fits = !scenario.bash_like || matches!(shell, "bash" | "zsh");
        (fits && !line.is_empty()).then_some(line)
    }

    /// The line as the page shows it, without what is the same in each row.
    fn shown(self, scenario: &Scenario) -> Option<String> {
        match self {
            Self::TwoPhases => Some(scenario.phases.unwrap_or(scenario.plain).to_owned()),
            _ => SHELLS.iter().find_map(|shell| self.line(scenario, shell)),
        }
    }
}

/// A pipeline that fails if any part of it does, in a shell of its own.
fn with_pipefail(line: &str, shell: &str) -> String {
    let Some((before, pipeline)) = line.split_once("PIPE '") else {
        return line.to_owned();
    };
    let pipeline = pipeline.trim_end_matches('\'');
    format!("{before}SH -c '{}'", Idiom::of(shell).line(pipeline))
}

#[test]
fn kill_matrix() {
    let word = std::env::var("S3PIPES_MATRIX").unwrap_or_default();
    let runs =
        std::env::var("S3PIPES_MATRIX_RUNS").map_or(1, |runs| runs.parse().expect("a number"));
    let lacking = missing::programs(&[
        "bash", "dash", "busybox", "zsh", "setsid", "setpriv", "unshare",
    ]);
    if !lacking.is_empty() {
        missing::skipped(
            "the kill matrix",
            &format!("not installed: {}", lacking.join(" ")),
        );
        return;
    }
    if !knows_the_ends() {
        missing::skipped("the kill matrix", "this kernel is older than Linux 6.15");
        return;
    }
    let root = rustix::process::geteuid().is_root();
    if !root {
        missing::skipped("rows of the kill matrix", "they need root");
    }
    let rows: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|scenario| root || !scenario.root)
        .collect();
    let mut cells = Vec::new();
    for mode in Mode::ALL {
        for row in &rows {
            cells.extend(SHELLS.map(|shell| (mode, *row, shell)));
        }
    }
    cells.retain(|(mode, row, shell)| format!("{mode:?} {shell}: {}", row.name).contains(&word));
    assert!(!cells.is_empty(), "no cell is called {word}");
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![(String::new(), String::new()); cells.len()]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let hall = Hall::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((mode, row, shell)) = cells.get(at) else {
                        break;
                    };
                    let (cell, said) = hall.cell(*mode, row, shell);
                    for _ in 1..runs {
                        let (again, otherwise) = hall.cell(*mode, row, shell);
                        assert_eq!(
                            again, cell,
                            "{mode:?} {shell}: {}\n{said}\n{otherwise}",
                            row.name
                        );
                    }
                    found.lock().unwrap()[at] = (cell, said);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let told = |mode: Mode, name: &str, shell: &str| {
        let at = cells
            .iter()
            .position(|(m, row, s)| (*m, row.name, *s) == (mode, name, shell));
        found[at.expect("every cell was run")].0.clone()
    };
    if !word.is_empty() || !root {
        for ((cell, _), (mode, row, shell)) in found.iter().zip(&cells) {
            println!("{mode:?}\t{shell}\t{}\t{cell}", row.name);
        }
        return;
    }
    let page = project().join("doc/kill-matrix.md");
    let text = page_of(&rows, told);
    if std::env::var("S3PIPES_BLESS").is_ok_and(|value| value == "1") {
        fs::write(&page, &text).expect("write the page");
    }
    let wanted = fs::read_to_string(&page).unwrap_or_default();
    for (line, (now, then)) in text.lines().zip(wanted.lines()).enumerate() {
        if now != then {
            let name = |row: &Scenario| now.starts_with(&format!("| {} |", row.name));
            for ((_, said), (_, row, shell)) in found.iter().zip(&cells) {
                if name(row) {
                    println!("{shell}: {said}");
                }
            }
        }
        assert_eq!(now, then, "line {} of doc/kill-matrix.md", line + 1);
    }
    assert_eq!(text, wanted, "doc/kill-matrix.md is not what came out");
}

/// True if the kernel tells how a process ended that is not ours.
pub fn knows_the_ends() -> bool {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|n| n.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

/// A place for runs, one after the other.
struct Hall {
    shop: Workshop,
    number: AtomicUsize,
}

/// What became of one run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Stored,
    Refused,
}

impl Hall {
    fn new() -> Self {
        let shop = Workshop::new();
        let made = shop.command("s3put").args(["-q", "--make-bucket"]).status();
        assert!(made.expect("run s3put").success());
        for folder in [shop.folder().to_owned(), shop.work()] {
            // Another user has to get there.
            fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("open a folder");
        }
        for (name, body) in SCRIPTS {
            let script = shop.work().join(name);
            fs::write(&script, format!("#!/bin/sh\n{body}\n")).expect("write a script");
            fs::set_permissions(script, Permissions::from_mode(0o755)).expect("make a program");
        }
        Self {
            shop,
            number: AtomicUsize::new(0),
        }
    }

    /// Runs a line under each policy, and says what that means; and what was said meanwhile.
    fn cell(&self, mode: Mode, row: &Scenario, shell: &str) -> (String, String) {
        let Some(line) = mode.line(row, shell) else {
            return ("–".to_owned(), String::new());
        };
        let tried = if mode == Mode::TwoPhases { 3 } else { 2 };
        let (outcomes, said): (Vec<Outcome>, Vec<String>) = POLICIES[..tried]
            .iter()
            .map(|policy| self.run(mode, row, shell, &line, policy))
            .unzip();
        use Outcome::{Refused, Stored};
        let text = match (row.truth, outcomes.as_slice()) {
            (Truth::Killed, [Refused, Refused] | [Refused, Refused, Refused]) => "nothing stored",
            (Truth::Bad, [Refused, Refused] | [Refused, Refused, Refused]) => "refused",
            (Truth::Bad, [Refused, Refused, Stored]) => "refused by the watch",
            (Truth::Good(..), [Stored, Stored] | [Stored, Stored, Stored]) => "stored",
            (_, [Stored, Refused]) => "unknown",
            (Truth::Bad, [Stored, Stored]) => "**missed**",
            (Truth::Good(..), [Refused, Refused]) => "**false alarm**",
            other => panic!("{shell}: {line}: {:?}\n{}", other.1, said.join("\n")),
        };
        (text.to_owned(), said.join("\n"))
    }

    /// Runs a line once, and looks into the bucket. Returns what was said, too.
    fn run(
        &self,
        mode: Mode,
        row: &Scenario,
        shell: &str,
        line: &str,
        policy: &str,
    ) -> (Outcome, String) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let key = format!("dump-{number}");
        let place = self.shop.work().join(&key);
        fs::create_dir(&place).expect("make a folder");
        fs::set_permissions(&place, Permissions::from_mode(0o777)).expect("open a folder");
        let [go, gone] = ["go", "gone"].map(|name| gate(&place.join(name)));
        let mut put = format!("s3put -v -k {key} --commit {policy}");
        if mode == Mode::TwoPhases {
            put.push_str(" --prepare");
        }
        let line = line
            .replace("PUT", &put)
            .replace("SH", shell)
            .replace(
                "OTHER",
                "setpriv --reuid=65534 --regid=65534 --clear-groups",
            )
            .replace("CAPLESS", "setpriv --inh-caps=-all --bounding-set=-all");
        let mut words = vec!["timeout", "--kill-after=5", "120"];
        if row.namespace {
            words.extend(["unshare", "-pf", "--mount-proc"]);
        }
        words.extend(shell.split(' '));
        let mut command = self.shop.command(words[0]);
        let path = std::env::join_paths([self.shop.work(), tests::tools::bin().to_owned()])
            .expect("a PATH");
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", path.display());
        command
            .args(&words[1..])
            .args(["-c", &line])
            .env("PATH", path)
            .current_dir(&place)
            .stdin(Stdio::null())
            .stdout(File::create(place.join("output")).expect("make a file"))
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("start a shell");
        let mut said = BufReader::new(child.stderr.take().expect("its messages"));
        let mut heard = String::new();
        let release = |gate: &File| {
            let mut gate = gate;
            gate.write_all(b"go\n").expect("tell a producer");
        };
        let waits = row.cue == Cue::Watched;
        if row.cue == Cue::Gone {
            comes_true(|| place.join("begun").exists());
            release(&go);
            let pid = fs::read_to_string(place.join("pid")).expect("its number");
            comes_true(|| is_gone(pid.trim()));
        } else if waits {
            while !heard.contains("detail: watching") {
                assert!(
                    said.read_line(&mut heard).expect("listen") > 0,
                    "{shell}: {line}:\n{heard}"
                );
            }
        } else if row.truth == Truth::Killed {
            comes_true(|| place.join("begun").exists());
        }
        if row.truth == Truth::Killed {
            let pid = fs::read_to_string(place.join("put")).expect("its number");
            kill(pid.trim());
            comes_true(|| is_gone(pid.trim()));
        }
        release(&gone);
        if row.cue != Cue::Gone {
            release(&go);
        }
        std::io::Read::read_to_string(&mut said, &mut heard).expect("listen");
        let status = child.wait().expect("wait for a shell");
        let context = format!("{shell}: {line}:\n{heard}{status}");
        let stored = self.shop.bucket().join(&key);
        if !stored.exists() {
            // In two phases it is the shell that says so.
            let refused = status.code() == Some(if mode == Mode::TwoPhases { 1 } else { 100 });
            assert!(refused || row.truth == Truth::Killed, "{context}");
            let left = self.leaves(&key);
            assert!(!left || row.truth == Truth::Killed, "{context}");
            return (Outcome::Refused, context);
        }
        assert!(row.truth != Truth::Killed, "{context}");
        assert!(status.success(), "{context}");
        if let Truth::Good(text, times) = row.truth {
            let body = fs::read(stored).expect("read what was stored");
            assert!(body == text.repeat(times).as_bytes(), "{context}");
        }
        (Outcome::Stored, context)
    }
}

impl Hall {
    /// True if an unfinished upload of this key was left.
    fn leaves(&self, key: &str) -> bool {
        let mut list = self.shop.command("s3ls");
        let list = list.args(["-aj", "--uploads"]).output().expect("run s3ls");
        let key = format!("\"{key}\"");
        String::from_utf8_lossy(&list.stdout).contains(&key)
    }
}

/// A pipe with a name, held open at both ends: telling waits for nobody, and being told doesn't either.
fn gate(path: &Path) -> File {
    mknodat(CWD, path, FileType::Fifo, Bits::from_raw_mode(0o600), 0).expect("make a pipe");
    fs::set_permissions(path, Permissions::from_mode(0o666)).expect("open a pipe");
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("open a pipe")
}

/// Asks until it is so; `timeout` ends what never comes.
fn comes_true(mut is: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is() {
        assert!(began.elapsed().as_secs() < 120, "it never came true");
        std::thread::yield_now();
    }
}

/// True if a process has ended, whether anybody has taken notice or not.
fn is_gone(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status
        .rsplit_once(')')
        .is_none_or(|(_, rest)| rest.starts_with(" Z"))
}

fn kill(pid: &str) {
    let pid = pid
        .parse()
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .expect("a number");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill it");
}

const LEGEND: &str = "\
# The kill matrix

What `s3put` notices when the programs before it die. This page is written by the test that proves it
(`tests/it/killmatrix.rs`): every cell was run with each policy, and the test looked into the bucket.

| cell | `--commit not-failed` (the default) | `--commit clean` |
|---|---|---|
| refused | nothing is stored, exit 100 | nothing is stored, exit 100 |
| refused by the watch | the shell itself would have stored it; nothing is stored | the same |
| stored | all is well, and it is stored | the same |
| unknown | stored, though nobody knows | nothing is stored, exit 100 |
| nothing stored | s3put itself died: nothing appears | the same |
| **missed** | stored, though something failed | stored, though something failed |
| – | there is no such line in this shell, or it says nothing new | the same |

The producers write something, wait until s3put watches, and then die. Without that (a program that ends within some
milliseconds, having written less than a pipe holds) every row of the plain pipe can become the last one: unknown.
";

/// The page: a table for each mode.
fn page_of(rows: &[&Scenario], told: impl Fn(Mode, &str, &str) -> String) -> String {
    let mut page = LEGEND.to_owned();
    for mode in Mode::ALL {
        let _ = write!(page, "\n## {}\n\n| what happens | the line |", mode.title());
        for shell in SHELLS {
            let _ = write!(page, " {shell} |");
        }
        page.push_str("\n|---|---|---|---|---|---|\n");
        for row in rows {
            let cells = SHELLS.map(|shell| told(mode, row.name, shell));
            let Some(line) = mode.shown(row) else {
                continue;
            };
            let line = shown(&line);
            let _ = writeln!(page, "| {} | `{line}` | {} |", row.name, cells.join(" | "));
        }
        page.push_str(match mode {
            Mode::Plain => PLAIN,
            Mode::Command => COMMAND,
            Mode::TwoPhases => PHASES,
        });
    }
    page
}

const PLAIN: &str = "
`produce` is the program that dies, `middle` one that is killed while it passes on; `OTHER` runs a program as another
user, and `CAPLESS` s3put without the privileges of root.
";

const COMMAND: &str = "
Where a pipeline is run, the line is that of bash. dash 0.5.12 has no `pipefail`; there each program leaves a mark when it
ends well: `{ produce ok && : >ok0; } | cat && [ -e ok0 ]`. What the command starts is watched, too; so what a shell leaves
in the background (`( produce exit & )`) is refused if it was seen before it ended, which is so most of the time and not
always. Nobody waits for its status.
";

const PHASES: &str = "
The lines run as `s3put(1)` says, so that the shell and the watch have to agree; a line that is refused exits with 1:
`set -o pipefail; if … | s3put --prepare home 0 >receipt; then s3put --commit <receipt; else s3put --abort <receipt;
false; fi`. In dash each program leaves a mark: `{ produce ok && : >ok0; } | { cat && : >ok1; } |
s3put --prepare home 0 >receipt && [ -e ok0 ] && [ -e ok1 ]`; in a pipeline in a subshell there are marks inside, too.
Every line was run with `--commit always` as well, to see what the shell notices without the watch.

`refused by the watch` is what no shell tells: the status of a process substitution or of a job in the background, which
nobody waits for. What the shell refuses it refuses whether the watch can see it or not: a program of another user, one
that ended before s3put began. Without `|| [ $? = 141 ]` shells would refuse `yes | head`, too: yes dies of SIGPIPE, and
`pipefail` and marks can't tell that from a failure.
";

/// A line as a reader should see it, in a cell of a table.
fn shown(line: &str) -> String {
    line.replace("PUT", "s3put")
        .replace("SH", "bash")
        .replace('|', "\\|")
}
