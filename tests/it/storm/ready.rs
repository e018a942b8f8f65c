//! A verb made ready: what is there before, what a clean run leaves, and what any other run may leave.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tests::client::wait_for;
use tests::scratch::{self, copy_tree};
use tests::serve::{self, Options};
use tests::servers::Server;
use tests::tools::{Ran, Workshop};

use super::faults::STALL;
use super::verbs::{BUCKET, Verb, bytes_of, stock};
use crate::conformance::store::Store;
use crate::stored::Stored;

/// A verb with all that its cells have in common.
pub struct Ready {
    pub verb: &'static Verb,
    /// Holds `disk`, the state before, and `input`.
    folder: TempDir,
    before: Stored,
    goal: Stored,
    /// What a clean run says.
    out: Vec<u8>,
    /// The operations of a clean run.
    pub operations: Vec<String>,
    /// How many of them the first of two phases takes; without phases it takes all of them.
    pub preparing: usize,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// As the page says it.
    pub word: String,
    /// What must not be.
    pub wrong: Vec<String>,
}

/// What nobody could have known: then it is no fault of the tool's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leeway {
    /// An upload that was begun and whose name never arrived, or that no request could abort, may stay.
    pub uploads: bool,
    /// Deletions of which no answer ever came need not be named.
    pub deletions: bool,
}

impl Verb {
    /// Makes the state before, and runs the command once without a fault.
    pub fn ready(&'static self) -> Ready {
        let folder = scratch::folder();
        let disk = folder.path().join("disk");
        std::fs::create_dir(&disk).expect("make a folder");
        if let Some(objects) = self.stock {
            wait_for(stock(&Store::in_folder(&disk).client(), objects));
        }
        if let Some(size) = self.input {
            std::fs::write(folder.path().join("input"), bytes_of(77, size)).expect("write");
        }
        let mut ready = Ready {
            verb: self,
            before: look(&disk),
            folder,
            goal: Stored::default(),
            out: Vec::new(),
            operations: Vec::new(),
            preparing: usize::MAX,
        };
        let mut stage = Stage::new(&ready);
        let (ran, log) = stage.run(&ready, None, "3s");
        if let Some(preparing) = stage.prepared {
            ready.preparing = preparing;
        }
        assert_eq!(ran.code, Some(0), "{}: {}", self.name, ran.err);
        ready.goal = look(&stage.disk());
        ready.out = spoken(&ran.out);
        ready.operations = log
            .iter()
            .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        ready.check();
        ready
    }
}

impl Ready {
    /// The clean run itself did what it should.
    fn check(&self) {
        let name = self.verb.name;
        match name.split(' ').next() {
            Some("put") => {
                let objects: Vec<_> = self.goal.objects.values().collect();
                let bytes = bytes_of(77, self.verb.input.unwrap_or(0));
                assert!(
                    objects.len() == 1 && objects[0].body == bytes,
                    "{name}: {:?}",
                    self.goal
                );
                assert_eq!(
                    objects[0].metadata.get("origin").map(String::as_str),
                    Some("the tests")
                );
            }
            Some("get") => {
                let pieces: Vec<u8> = if name == "get" {
                    self.before.objects["h:home:0:2024-02-01"].body.clone()
                } else {
                    let pieces = self.before.objects.iter();
                    let pieces = pieces.filter(|(key, _)| key.contains("2012"));
                    pieces.flat_map(|(_, object)| object.body.clone()).collect()
                };
                assert!(self.out == pieces, "{name}: other bytes came out");
            }
            Some("prune") => assert_eq!(self.goal.keys(), ["h:home:0:2024-02-01"]),
            _ => assert_eq!(self.goal, self.before),
        }
        assert!(self.goal.uploads.is_empty(), "{:?}", self.goal);
    }

    /// Compares what a run left with what it should have.
    pub fn judge(&self, ran: &Ran, after: &Stored, leeway: Leeway) -> Verdict {
        let mut verdict = Verdict::default();
        let mut wrong = |why: String| verdict.wrong.push(why);
        let mut word = match ran.code {
            Some(0) => "recovers".to_owned(),
            Some(code @ (100 | 111)) => code.to_string(),
            other => {
                wrong(format!("it ended with {other:?}"));
                "?".to_owned()
            }
        };
        if ran.code == Some(0) {
            if after.objects != self.goal.objects {
                wrong(format!("exit 0, and this is there: {:?}", after.objects));
            }
            if spoken(&ran.out) != self.out {
                let said = String::from_utf8_lossy(&ran.out);
                let said: String = said.chars().take(300).collect();
                wrong(format!("exit 0, and it said {said:?}"));
            }
        } else {
            let half = (self.verb.half)(&self.before, after, ran);
            if half.is_some() && leeway.deletions {
                word = "unnamed".to_owned();
            } else if let Some(why) = half {
                wrong(why);
            }
            let errors = ran
                .err
                .lines()
                .filter(|line| line.contains(": error: could not "));
            if errors.count() == 0 {
                wrong("it does not say what it could not do".to_owned());
            }
            if ran.err.contains("could not learn whether") {
                word = "unknown".to_owned();
            }
        }
        if after.objects.keys().any(|key| is_leftover(key, after)) {
            word.push('*');
        }
        if !after.uploads.is_empty() {
            if !leeway.uploads {
                wrong(format!("unfinished uploads are left: {:?}", after.uploads));
            }
            word.push('*');
        }
        verdict.word = word;
        verdict
    }

    /// What is wrong with the same command, now that all is well: `after` was there before, and `last` is now.
    /// Where it is the second phase that is run again, it was `committing`, and finds what it has done itself.
    pub fn again(&self, ran: &Ran, after: &Stored, last: &Stored, committing: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        let exists = ran.code == Some(100) && ran.err.contains("it exists already");
        let stored = self.verb.input.is_some() && after.objects == self.goal.objects;
        let fine = if stored && !committing {
            exists
        } else {
            ran.code == Some(0)
        };
        if !fine {
            wrong.push(format!("again: it ended with {:?}: {}", ran.code, ran.err));
        }
        let torn =
            self.verb.name == "prune" && after.objects.keys().any(|key| is_leftover(key, after));
        let mut left = last.objects.clone();
        left.retain(|key, _| !(torn && is_torn(key)));
        if left != self.goal.objects {
            wrong.push(format!("again: this is there: {:?}", last.objects));
        }
        wrong
    }

    /// The verb's command, ready to run.
    pub fn words(&self, patience: &'static str, stall: &'static str) -> Vec<&'static str> {
        words(self.verb.command, patience, stall)
    }

    /// What goes to its standard input.
    pub fn input(&self) -> Option<PathBuf> {
        self.verb.input.map(|_| self.folder.path().join("input"))
    }
}

/// The rest of a dump that lost its beginning, which the next run doesn't touch, or the first object of a new bucket,
/// which it removes.
fn is_leftover(key: &str, after: &Stored) -> bool {
    key == "s3pipes-canary" || (is_torn(key) && !after.objects.contains_key(BEGINNING))
}

const BEGINNING: &str = "h:home:0:2012-01-01:0";

fn is_torn(key: &str) -> bool {
    matches!(key, "h:home:0:2012-01-01:1" | "h:home:0:2012-01-01:2")
}

fn words(
    command: &[&'static str],
    patience: &'static str,
    stall: &'static str,
) -> Vec<&'static str> {
    let (tool, rest) = command.split_first().expect("a command");
    let words = [*tool, "--patience", patience, "--stall", stall];
    words.iter().chain(rest).copied().collect()
}

/// What a run of the tool has to itself: a copy of the state before.
pub struct Stage {
    pub shop: Workshop,
    /// The first of two phases is done, and took so many requests.
    prepared: Option<usize>,
}

impl Stage {
    /// With a copy of the state before.
    pub fn new(ready: &Ready) -> Self {
        let shop = Workshop::new();
        std::fs::remove_dir(shop.folder().join("disk")).expect("make room");
        copy_tree(
            &ready.folder.path().join("disk"),
            &shop.folder().join("disk"),
        );
        Self {
            shop,
            prepared: None,
        }
    }

    /// True once the first of two phases is done.
    pub fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }

    /// The folder of the buckets.
    pub fn disk(&self) -> PathBuf {
        self.shop.folder().join("disk")
    }

    /// Runs the verb's command against a server of its own; of two phases only the second one if the first is done.
    pub fn run(
        &mut self,
        ready: &Ready,
        fault: Option<&str>,
        patience: &'static str,
    ) -> (Ran, Vec<String>) {
        let options = Options {
            page: Some(3),
            ..Options::new(self.disk())
        };
        let options = fault.into_iter().fold(options, Options::fault);
        let running = serve::start(options).expect("start s3serve");
        let server = Server::of_tests("s3serve", &running.url);
        self.shop.go_to(&server, BUCKET);
        let Some(commit) = ready.verb.commit else {
            let words = ready.words(patience, STALL);
            let ran = self.shop.run(&words, ready.input().as_deref());
            return (ran, running.log());
        };
        let receipt = self.shop.folder().join("receipt");
        if self.prepared.is_none() {
            let words = ready.words(patience, STALL);
            let ran = self.shop.run(&words, ready.input().as_deref());
            if ran.code != Some(0) {
                return (ran, running.log());
            }
            std::fs::write(&receipt, &ran.out).expect("write a receipt");
            self.prepared = Some(running.log().len());
        }
        let ran = self
            .shop
            .run(&words(commit, patience, STALL), Some(&receipt));
        (ran, running.log())
    }
}

/// What a bucket holds; nothing if there is none.
pub fn look(disk: &Path) -> Stored {
    if !disk.join(BUCKET).is_dir() {
        return Stored::default();
    }
    Stored::of(&Store::in_folder(disk).client(), BUCKET)
}

/// What was said, without what differs from run to run.
fn spoken(out: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(out) {
        Ok(text) => crate::masks::masked(text, &[]).into_bytes(),
        Err(_) => out.to_vec(),
    }
}
