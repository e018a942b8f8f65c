//! Nonsense from outside, bounded: each target of [`tests::fuzz`] gets its examples and some mutations of them.
//!
//! Examples are the files in `tests/fuzz/corpus/TARGET`, and where else a target says. `S3PIPES_FUZZ=N` tries N times as many mutations, and
//! `S3PIPES_FUZZ_SEED` others; `S3PIPES_FUZZ_TARGET` runs one target. What fails is printed in hexadecimal and kept:
//! put it among the examples, and it is tried ever after.

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::Arc;

use common::bucket::get::Wish;
use common::rate::{Pacer, Timetable};
use tests::fuzz::mutate::{Dice, mutated};
use tests::fuzz::server::{Liar, plain};
use tests::fuzz::{TARGETS, Target};
use tests::servers::project;

/// What is tried where nothing is said.
const SEED: u64 = 20_261_120;

#[test]
fn nothing_from_outside_panics() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("S3PIPES_FUZZ_SEED").unwrap_or(SEED);
    let times: u64 = number("S3PIPES_FUZZ").unwrap_or(1);
    let only = std::env::var("S3PIPES_FUZZ_TARGET").ok();
    let wanted = |target: &&Target| only.as_ref().is_none_or(|only| only == target.name);
    let mut tried = 0;
    for target in TARGETS.iter().filter(wanted) {
        let began = std::time::Instant::now();
        let examples = examples(target);
        let mut dice = Dice::new(seed);
        for example in &examples {
            attempt(target, example, seed);
        }
        let rounds = u64::from(target.rounds) * times;
        for _ in 0..rounds {
            attempt(target, &mutated(&mut dice, &examples, target.words), seed);
        }
        println!(
            "{}: {} examples, {rounds} mutations, {:.1} s",
            target.name,
            examples.len(),
            began.elapsed().as_secs_f64()
        );
        tried += 1;
    }
    assert!(tried > 0, "there is no such target");
}

/// A folder of examples whose target is gone would look like a test.
#[test]
fn examples_have_targets() {
    let folder = project().join("tests/fuzz/corpus");
    for entry in std::fs::read_dir(folder).expect("read the examples") {
        let name = entry.expect("read the examples").file_name();
        assert!(TARGETS.iter().any(|target| name == target.name), "{name:?}");
    }
}

/// What the examples say arrives: a target whose every input is refused at the door would test nothing.
#[test]
fn examples_arrive() {
    let example = |path: &str| {
        let path = project().join("tests/fuzz/corpus").join(path);
        std::fs::read(path).expect("read an example")
    };
    let liar = Liar::start();
    let list = example("answers/list");
    liar.says(Box::new(move |_| plain(200, &list[2..])));
    assert_eq!(liar.bucket.list("").expect("a list").len(), 4);
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    head.extend_from_slice(&example("headers/head")[1..]);
    head.extend_from_slice(b"\r\n");
    liar.says(Box::new(move |_| head.clone()));
    let held = liar.bucket.checksums(&["a".to_owned()]).expect("headers");
    assert_eq!(held, [Some("CRC64NVME:JYwwIoi0PuE=".to_owned())]);
    let late = example("complete/late-error");
    liar.says(Box::new(move |_| plain(200, &late[1..])));
    assert!(liar.bucket.delete(&["a".to_owned()]).is_err());
}

/// Objects that together are longer than can be: an error, where a sum that wraps would have read something else.
#[test]
fn sizes_that_cannot_be() {
    let liar = Liar::start();
    liar.says(Box::new(|_| {
        let most = i64::MAX;
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {most}\r\netag: \"e\"\r\nconnection: close\r\n\r\n"
        )
        .into_bytes()
    }));
    let wish = Wish {
        keys: ["a", "b", "c"].map(str::to_owned).to_vec(),
        span: None,
        range_size: 1 << 20,
        parallel: 1,
        memory: 1 << 22,
        pacer: Arc::new(Pacer::new(Timetable::default())),
    };
    let refused = liar.bucket.get(&wish, &mut |_| Ok(()), &|_| {});
    assert_eq!(
        refused.expect_err("it was read").to_string(),
        "could not read a: the server tells sizes that can't be"
    );
}

fn attempt(target: &Target, data: &[u8], seed: u64) {
    let run = target.run;
    if catch_unwind(|| run(data)).is_ok() {
        return;
    }
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    // Printed as well.
    let _ = std::fs::write(&kept, data);
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    panic!(
        "{} failed with seed {seed}; the input is in {}: {hex}",
        target.name,
        kept.display()
    );
}

fn examples(target: &Target) -> Vec<Vec<u8>> {
    let own = project().join("tests/fuzz/corpus").join(target.name);
    let also = target.also.map(|folder| project().join(folder));
    let mut paths: Vec<PathBuf> = std::iter::once(own)
        .chain(also)
        .flat_map(|folder| {
            std::fs::read_dir(&folder)
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        })
        .map(|entry| entry.expect("read the examples").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no examples", target.name);
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("read an example"))
        .collect()
}
