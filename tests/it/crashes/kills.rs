//! `kill -9` at random moments: of s3put, s3get and s3prune, on `file://` and on s3serve, 240 times in all.
//!
//! Only a tool that was still running counts. The kill falls anywhere in the time that a run takes, which is measured
//! first, and again by each run. What is there afterwards is whole, and in nobody's way.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::bucket::embedded;
use tests::client::wait_for;
use tests::scratch::copy_tree;
use tests::serve::{self, Options, Running};
use tests::servers::Server;
use tests::tools::Workshop;

use super::Chance;
use crate::conformance::answers::pattern;
use crate::conformance::store::Store;
use crate::stored::Stored;
use crate::storm::verbs::{BUCKET, Put, stock};

// On each of the two.
const PUTS: u64 = 60;
const GETS: u64 = 20;
const PRUNES: u64 = 20;
const NUMBERED: u64 = 20;

/// Two parts of the least size and a bit of a third.
const SIZE: usize = (10 << 20) + 1;

const CHAIN: &[Put] = &[
    ("h:home:0:2012-01-01:0", 100),
    ("h:home:0:2012-01-01:1", 100),
    ("h:home:0:2012-01-01:2", 100),
    ("h:home:0:2024-01-01", 100),
    ("h:home:1:2024-01-02", 100),
    ("h:home:2:2024-01-03", 100),
    ("h:home:0:2024-02-01", 100),
];

#[test]
fn killed_on_a_directory() {
    kill_all(false);
}

#[test]
fn killed_on_a_server() {
    kill_all(true);
}

fn kill_all(served: bool) {
    let mut chance = Chance::new();
    puts(served, &mut chance);
    numbered(served, &mut chance);
    gets(served, &mut chance);
    prunes(served, &mut chance);
}

/// A bucket, and the tools pointed to it.
struct Place {
    shop: Workshop,
    /// Held for as long as it is needed.
    #[allow(dead_code)]
    server: Option<Running>,
}

impl Place {
    fn new(served: bool, objects: &[Put]) -> Self {
        let mut shop = Workshop::new();
        let disk = shop.folder().join("disk");
        wait_for(stock(&Store::in_folder(&disk).client(), objects));
        let running = served.then(|| serve::start(Options::new(&disk)).expect("start s3serve"));
        if let Some(running) = &running {
            shop.go_to(&Server::of_tests("s3serve", &running.url), BUCKET);
        }
        Self {
            shop,
            server: running,
        }
    }

    fn stored(&self) -> Stored {
        let disk = self.shop.folder().join("disk");
        Stored::of(&Store::in_folder(&disk).client(), BUCKET)
    }

    fn start(&self, words: &[&str], input: Option<&Path>, output: Stdio) -> Child {
        let input = input.map_or_else(Stdio::null, |path| {
            File::open(path).expect("open the input").into()
        });
        self.shop
            .command(tests::tools::bin().join(words[0]))
            .args(&words[1..])
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("start a tool")
    }

    /// How long a run takes that nobody kills.
    fn measure(&self, words: &[&str], input: Option<&Path>) -> Duration {
        let began = Instant::now();
        let mut child = self.start(words, input, Stdio::null());
        let status = child.wait().expect("wait for a tool");
        assert!(status.success(), "{words:?}: {status}");
        began.elapsed()
    }
}

/// Kills of the same command.
struct Kills {
    /// About as long as a run takes.
    time: Duration,
    wanted: u64,
    killed: u64,
    /// Runs that ended before the kill.
    missed: u64,
}

impl Kills {
    fn new(wanted: u64, time: Duration) -> Self {
        Self {
            time,
            wanted,
            killed: 0,
            missed: 0,
        }
    }

    /// The next round, unless there were enough kills.
    fn round(&self) -> Option<u64> {
        let round = self.killed + self.missed;
        assert!(
            round < self.wanted * 5,
            "{} of {round} runs were killed",
            self.killed
        );
        (self.killed < self.wanted).then_some(round)
    }

    /// Kills `child` at a random moment of its run. True if it had ended well before.
    ///
    /// A run that was missed makes the time shorter, and one that was killed a bit longer: so a seventh is missed, and
    /// the kills reach to the very end of a run.
    fn kill(&mut self, mut child: Child, chance: &mut Chance) -> bool {
        let most = u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX);
        // Not to wait for something: this is the random moment.
        sleep(Duration::from_micros(chance.below(most)));
        child.kill().expect("kill a tool");
        let status = child.wait().expect("wait for a tool");
        let killed = status.signal() == Some(9);
        assert!(killed || status.success(), "{status}");
        if killed {
            self.killed += 1;
            self.time = self.time * 21 / 20;
        } else {
            self.missed += 1;
            self.time = self.time * 3 / 4;
        }
        !killed
    }

    fn report(&self, what: &str) {
        println!(
            "{} {what} were killed, {} had ended before",
            self.killed, self.missed
        );
        assert_eq!(self.killed, self.wanted);
    }
}

fn puts(served: bool, chance: &mut Chance) {
    let place = Place::new(served, &[]);
    let (small, large) = (pattern(1, 100_000), pattern(2, SIZE));
    let files = [&small, &large].map(|bytes| {
        let path = place.shop.folder().join(format!("input-{}", bytes.len()));
        std::fs::write(&path, bytes).expect("write");
        path
    });
    let command = |key: &str| {
        [
            "s3put",
            "--meta",
            "origin=the tests",
            "--part-size",
            "5M",
            "-k",
            key,
        ]
        .map(str::to_owned)
    };
    // One third of them small.
    let wanted = [PUTS / 3, PUTS - PUTS / 3];
    let mut kills = [0, 1].map(|kind| {
        let words = command(&format!("whole-{kind}"));
        let words = words.each_ref().map(String::as_str);
        Kills::new(wanted[kind], place.measure(&words, Some(&files[kind])))
    });
    while let Some((kind, round)) = kills
        .iter()
        .enumerate()
        .find_map(|(kind, kills)| Some((kind, kills.round()?)))
    {
        let bytes = [&small, &large][kind];
        let key = format!("killed-{kind}-{round}");
        let words = command(&key);
        let words = words.each_ref().map(String::as_str);
        let child = place.start(&words, Some(&files[kind]), Stdio::null());
        let done = kills[kind].kill(child, chance);
        let stored = place.stored();
        match stored.objects.get(&key) {
            Some(object) => assert!(
                object.body == *bytes && object.metadata.contains_key("origin"),
                "{key}: {object:?}"
            ),
            None => assert!(!done, "{key} was stored, and is not there"),
        }
        // The next run, under another name. It is deleted, so that looking stays fast.
        let next = place.shop.run(
            &["s3put", "--meta", "origin=the tests", "-k", "next"],
            Some(&files[0]),
        );
        assert_eq!(next.code, Some(0), "after {key}: {}", next.err);
        assert!(place.stored().objects["next"].body == small, "after {key}");
        for key in [key.as_str(), "next"] {
            let _ = place.shop.run(&["s3prune", "-k", key, "--delete"], None);
        }
    }
    kills[0].report("small puts");
    kills[1].report("large puts");
    listed(&place);
    if !served {
        swept(&place);
    }
}

/// A dump in numbered pieces becomes visible by as many requests. It is whole, or says that it isn't.
fn numbered(served: bool, chance: &mut Chance) {
    let place = Place::new(served, &[]);
    let bytes = pattern(3, 2_000_000);
    let [plain, pieces] = ["plain", "pieces"].map(|name| place.shop.folder().join(name));
    std::fs::write(&plain, &bytes).expect("write");
    let cut = place
        .shop
        .run(&["s3chunk", "--fixed", "100k", "--numbered"], Some(&plain));
    assert_eq!(cut.code, Some(0), "{}", cut.err);
    std::fs::write(&pieces, cut.out).expect("write");
    let name =
        |level: &str| ["--host", "h", "--date", "2024-01-01", "home", level].map(str::to_owned);
    let words = |tool: &str, level: &str| -> Vec<String> {
        [tool.to_owned()].into_iter().chain(name(level)).collect()
    };
    fn borrowed(words: &[String]) -> Vec<&str> {
        words.iter().map(String::as_str).collect()
    }
    let time = place.measure(&borrowed(&words("s3put", "0")), Some(&pieces));
    let mut kills = Kills::new(NUMBERED, time);
    let (mut torn, mut none, mut whole) = (0, 0, 0);
    while let Some(round) = kills.round() {
        let level = (round + 1).to_string();
        let child = place.start(
            &borrowed(&words("s3put", &level)),
            Some(&pieces),
            Stdio::null(),
        );
        let done = kills.kill(child, chance);
        let got = place.shop.run(&borrowed(&words("s3get", &level)), None);
        let listed = place
            .shop
            .run(&["s3ls", "-q", "-j", "--no-checksum", "--host", "h"], None);
        let key = format!("h:home:{level}:2024-01-01");
        let listed = String::from_utf8_lossy(&listed.out).into_owned();
        let line = listed.lines().find(|line| line.contains(&key));
        match (got.code, line) {
            (Some(0), Some(line)) => {
                assert!(got.out == bytes && line.contains("\"flaw\":null"), "{line}");
                whole += 1;
            }
            (Some(100), Some(line)) => {
                assert!(!line.contains("\"flaw\":null"), "{line}");
                assert!(!done && got.out.is_empty(), "{}", got.err);
                torn += 1;
            }
            (code, line) => {
                assert_eq!((code, line, done), (Some(100), None, false), "{}", got.err);
                none += 1;
            }
        }
    }
    println!(
        "of dumps in pieces {none} left nothing, {torn} were not whole and said so, {whole} were whole"
    );
    kills.report("puts in pieces");
}

/// What is there is listed: objects, and uploads that nobody finished. Those can be aborted.
fn listed(place: &Place) {
    let stored = place.stored();
    let uploads = place.shop.run(&["s3ls", "--uploads", "-a", "-j"], None);
    let lines = String::from_utf8_lossy(&uploads.out).lines().count();
    assert_eq!(lines, stored.uploads.len(), "{}", uploads.err);
    println!("{lines} uploads are unfinished");
    let aborted = place
        .shop
        .run(&["s3prune", "--uploads", "0d", "-a", "--delete"], None);
    assert_eq!(aborted.code, Some(0), "{}", aborted.err);
    let left = place.stored();
    assert!(left.uploads.is_empty(), "{:?}", left.uploads);
    assert_eq!(left.objects, stored.objects);
}

/// What the killed ones left on the disk goes once it is old enough; and then every file is somebody's.
fn swept(place: &Place) {
    let bucket = place.shop.bucket();
    let inner = bucket.join(".s3pipes");
    let entries = |folder: &str| -> Vec<_> {
        let entries = std::fs::read_dir(inner.join(folder)).expect("read a folder");
        entries
            .map(|entry| entry.expect("read a folder").path())
            .collect()
    };
    let left = entries("tmp").len() + entries("uploads").len();
    println!("{left} leftovers");
    assert!(inner.join("swept").exists(), "no writer looked for any");
    // Nobody can make a file look old whose last change the system's clock dates, so this doesn't wait for the
    // writer that comes an hour later: it does what that writer does.
    let store = embedded::Store::open(&place.shop.folder().join("disk")).expect("open the store");
    store.sweep(BUCKET, Duration::ZERO).expect("sweep");
    assert_eq!(entries("tmp"), Vec::<std::path::PathBuf>::new());
    assert_eq!(entries("uploads"), Vec::<std::path::PathBuf>::new());
    let mut bodies: Vec<String> = std::fs::read_dir(&bucket)
        .expect("read the bucket")
        .map(|entry| entry.expect("read the bucket").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name != ".s3pipes")
        .collect();
    bodies.sort();
    assert_eq!(bodies, place.stored().keys(), "bodies without an object");
    assert_eq!(entries("bodies"), Vec::<std::path::PathBuf>::new());
}

fn gets(served: bool, chance: &mut Chance) {
    let place = Place::new(served, &[("big", SIZE)]);
    let before = place.stored();
    let bytes = &before.objects["big"].body;
    let out = place.shop.folder().join("out");
    let words = ["s3get", "-k", "big", "--part-size", "1M"];
    let mut kills = Kills::new(GETS, place.measure(&words, None));
    while let Some(round) = kills.round() {
        let file = File::create(&out).expect("make a file");
        let done = kills.kill(place.start(&words, None, file.into()), chance);
        let came = std::fs::read(&out).expect("read what came");
        assert!(bytes.starts_with(&came), "round {round}: other bytes");
        assert!(!done || came.len() == bytes.len(), "round {round}: exit 0");
    }
    kills.report("gets");
    let again = place.shop.run(&words, None);
    assert!(
        again.code == Some(0) && again.out == *bytes,
        "{}",
        again.err
    );
    assert_eq!(place.stored(), before);
}

fn prunes(served: bool, chance: &mut Chance) {
    let template = Place::new(false, CHAIN);
    let words = [
        "s3prune",
        "-a",
        "--keep-last",
        "1",
        "--trust-dates",
        "--delete",
    ];
    let fresh = || {
        let mut place = Place::new(served, &[]);
        let disk = place.shop.folder().join("disk");
        std::fs::remove_dir_all(&disk).expect("make room");
        copy_tree(&template.shop.folder().join("disk"), &disk);
        if served {
            // A server of its own: the one before looks at a folder that is gone.
            let running = serve::start(Options::new(&disk)).expect("start s3serve");
            place
                .shop
                .go_to(&Server::of_tests("s3serve", &running.url), BUCKET);
            place.server = Some(running);
        }
        place
    };
    let mut kills = Kills::new(PRUNES, fresh().measure(&words, None));
    while let Some(round) = kills.round() {
        let place = fresh();
        kills.kill(place.start(&words, None, Stdio::null()), chance);
        let left = place.stored();
        let has = |key: &str| left.objects.contains_key(key);
        let keys = left.keys();
        assert!(has("h:home:0:2024-02-01"), "round {round}: {keys:?}");
        // Whatever is left has what it needs; and what looks like a dump is a whole one.
        assert!(
            !has("h:home:2:2024-01-03") || has("h:home:1:2024-01-02"),
            "round {round}: {keys:?}"
        );
        assert!(
            !has("h:home:1:2024-01-02") || has("h:home:0:2024-01-01"),
            "round {round}: {keys:?}"
        );
        let rest = ["h:home:0:2012-01-01:1", "h:home:0:2012-01-01:2"].map(has);
        assert!(
            !has("h:home:0:2012-01-01:0") || rest == [true, true],
            "round {round}: {keys:?}"
        );
        let again = place.shop.run(&words, None);
        assert_eq!(again.code, Some(0), "round {round}: {}", again.err);
        let mut last = place.stored();
        last.objects
            .retain(|key, _| !key.starts_with("h:home:0:2012-01-01:"));
        assert_eq!(last.keys(), ["h:home:0:2024-02-01"], "round {round}");
    }
    kills.report("prunes");
}
