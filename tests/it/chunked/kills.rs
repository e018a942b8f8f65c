//! `kill -9` of each tool of the line at random moments, 200 times: whatever was going on, what is stored is whole or
//! not there, the next run is right, and every dump comes back.

use std::fs::File;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Place;
use crate::conformance::answers::pattern;
use crate::crashes::Chance;

const KILLS: u64 = 200;
/// Restores of a killed line are whole runs of their own.
const RESTORES: u64 = 25;
const REPACKS: u64 = 10;
/// All there is, from time to time, so that looking stays fast.
const KEEP: u64 = 10;

/// The line that makes a dump, as processes of ours; the last one's output is thrown away.
fn line(place: &Place, day: u64) -> Vec<Child> {
    let name = format!("k{day}");
    let words: [&[&str]; 4] = [
        &["s3chunk", "-q", "--average", "16K", "--known", "known"],
        &["s3seal", "-q", "-R", "recipient"],
        &[
            "s3put",
            "-q",
            // What died before s3put could see it leaves nothing, or half a chunk stream, to seal.
            "--expect",
            "chunks",
            "--host",
            "h",
            "--date",
            "2024-01-01",
            &name,
            "0",
        ],
        &["s3chunk", "-q", "--learn", "known"],
    ];
    let input = File::open(place.file("data")).expect("open the data");
    // A receipt that nobody reads would be a reason to fail.
    pipe(place, &words, input.into(), Stdio::null())
}

/// Processes of ours, each of which reads what the one before writes.
fn pipe(place: &Place, stages: &[&[&str]], mut input: Stdio, output: Stdio) -> Vec<Child> {
    let between = stages.iter().skip(1).map(|_| Stdio::piped());
    let outputs = between.chain([output]);
    let mut line = Vec::new();
    for (words, output) in stages.iter().zip(outputs) {
        let mut child = place
            .shop
            .command(tests::tools::bin().join(words[0]))
            .args(&words[1..])
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("start a tool");
        input = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
        line.push(child);
    }
    line
}

fn wait(line: Vec<Child>) -> Vec<bool> {
    let ended = line
        .into_iter()
        .map(|mut child| child.wait().expect("wait for a tool"));
    ended.map(|status| status.success()).collect()
}

#[test]
fn a_line_in_which_something_is_killed() {
    let place = Place::new(false);
    let mut chance = Chance::new();
    let mut bytes = pattern(1, 600_000);
    place.write("data", &bytes);
    let began = Instant::now();
    assert_eq!(wait(line(&place, 0)), [true; 4]);
    let mut time = began.elapsed();
    // The first of them, which others refer to, stays.
    let mut days = vec![(0, bytes.clone())];
    let (mut killed, mut round, mut committed, mut taught) = (0, 0, 0, 0);
    while killed < KILLS {
        round += 1;
        assert!(round < KILLS * 5, "{killed} of {round} runs were killed");
        // A change that needs some new chunks, and leaves most.
        let at = usize::try_from(chance.below(bytes.len() as u64)).expect("small");
        bytes[at] ^= 1;
        place.write("data", &bytes);
        let before = std::fs::read(place.file("known")).expect("read the known file");
        let mut running = line(&place, round);
        let victim = usize::try_from(chance.below(4)).expect("small");
        // Not to wait for something: this is the random moment.
        let most = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        sleep(Duration::from_micros(chance.below(most)));
        running[victim].kill().expect("kill a tool");
        let ended = wait(running);
        if ended[victim] {
            time = time * 3 / 4;
        } else {
            killed += 1;
            time = time * 21 / 20;
        }
        let key = format!("h:k{round}:0:2024-01-01");
        let there = place.stored().objects.contains_key(&key);
        assert!(
            there || !ended[2],
            "round {round}: s3put succeeded, and nothing is there"
        );
        if there {
            committed += 1;
            days.push((round, bytes.clone()));
        }
        let known = std::fs::read(place.file("known")).expect("read the known file");
        if known != before {
            taught += 1;
            assert!(
                there,
                "round {round}: something was learned of a dump that isn't there"
            );
        }
        if round % KEEP == 0 {
            // The next run is right, whatever the ones before left.
            let day = round + 100_000;
            assert_eq!(wait(line(&place, day)), [true; 4], "after round {round}");
            days.push((day, bytes.clone()));
            for (day, bytes) in &days {
                comes_back(&place, *day, bytes);
            }
            days.truncate(1);
        }
    }
    println!(
        "{killed} of {round} runs were killed, {committed} had stored their dump, {taught} had learned it"
    );
    assert!(committed > 0 && committed < round && taught < committed);
    let left = place.stored();
    assert!(
        left.keys().iter().all(|key| key.starts_with("h:k")),
        "{:?}",
        left.keys()
    );
}

fn comes_back(place: &Place, day: u64, bytes: &[u8]) {
    place.bash(&format!(
        "s3get -q --host h --date 2024-01-01 k{day} 0 | s3seal -q -d -i key | s3chunk -q -d >out"
    ));
    let out = std::fs::read(place.file("out")).expect("read what came");
    assert!(out == bytes, "k{day} has other bytes");
}

#[test]
fn a_restore_in_which_something_is_killed() {
    let place = Place::new(false);
    let mut chance = Chance::new();
    let bytes = pattern(2, 600_000);
    place.write("data", &bytes);
    assert_eq!(wait(line(&place, 0)), [true; 4]);
    let before = place.stored();
    let restore =
        "s3get -q --host h --date 2024-01-01 k0 0 | s3seal -q -d -i key | s3chunk -q -d >out";
    let began = Instant::now();
    place.bash(restore);
    let mut time = began.elapsed();
    let mut killed = 0;
    for round in 0..RESTORES * 5 {
        if killed == RESTORES {
            break;
        }
        let victim = usize::try_from(chance.below(3)).expect("small");
        let most = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let moment = Duration::from_micros(chance.below(most));
        let (whole, out) = killed_restore(&place, victim, moment);
        assert!(bytes.starts_with(&out), "round {round}: other bytes");
        if whole {
            assert!(out == bytes, "round {round}: success without all bytes");
            time = time * 3 / 4;
        } else {
            killed += 1;
            time = time * 21 / 20;
        }
    }
    assert_eq!(killed, RESTORES);
    comes_back(&place, 0, &bytes);
    assert_eq!(place.stored(), before);
}

/// The dump is what it was, or it has all that it needs.
#[test]
fn a_repack_that_is_killed() {
    let place = Place::new(false);
    let mut chance = Chance::new();
    let mut bytes = pattern(3, 600_000);
    place.write("data", &bytes);
    assert_eq!(wait(line(&place, 0)), [true; 4]);
    place.bash("cp known first");
    let mut time = Duration::from_millis(100);
    let (mut killed, mut done) = (0, 0);
    for round in 1..REPACKS * 8 {
        if killed >= REPACKS && done > 0 {
            break;
        }
        let at = usize::try_from(chance.below(bytes.len() as u64)).expect("small");
        bytes[at] ^= 1;
        place.write("data", &bytes);
        place.bash("cp first known");
        assert_eq!(wait(line(&place, round)), [true; 4]);
        let key = format!("h:k{round}:0:2024-01-01");
        let before = place.stored();
        let words = ["-q", "--no-grace", "--delete", "--repack", &key];
        let mut repack = place
            .shop
            .command(tests::tools::bin().join("s3prune"))
            .args(words)
            .stdout(Stdio::null())
            .spawn()
            .expect("start a tool");
        // Not to wait for something: this is the random moment.
        let most = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        sleep(Duration::from_micros(chance.below(most)));
        repack.kill().expect("kill a tool");
        let ended = wait(vec![repack]) == [true];
        let after = place.stored();
        let is_new = after.objects[&key] != before.objects[&key];
        assert!(
            is_new || !ended,
            "round {round}: success, and nothing is new"
        );
        if ended {
            done += 1;
            time = time * 3 / 4;
        } else {
            killed += 1;
            time = time * 21 / 20;
        }
        for (other, object) in &before.objects {
            assert!(*other == key || after.objects[other] == *object, "{other}");
        }
        comes_back(&place, round, &bytes);
        // What was left undone can be done.
        let again = place.try_bash(&format!("s3prune -q --no-grace --delete --repack {key}"));
        assert_eq!(
            again.0,
            Some(i32::from(is_new)),
            "round {round}: {}",
            again.2
        );
        comes_back(&place, round, &bytes);
        place.bash(&format!("s3prune -q --force --delete -k {key}"));
    }
    println!("{killed} were killed, {done} were not");
    assert!(killed >= REPACKS && done > 0);
}

/// Kills one of a restoring line, and tells whether its last program succeeded, and what came.
fn killed_restore(place: &Place, victim: usize, moment: Duration) -> (bool, Vec<u8>) {
    let words: [&[&str]; 3] = [
        &[
            "s3get",
            "-q",
            "--host",
            "h",
            "--date",
            "2024-01-01",
            "k0",
            "0",
        ],
        &["s3seal", "-q", "-d", "-i", "key"],
        &["s3chunk", "-q", "-d"],
    ];
    let out = place.file("out");
    let output = File::create(&out).expect("make a file").into();
    let mut line = pipe(place, &words, Stdio::null(), output);
    // Not to wait for something: this is the random moment.
    sleep(moment);
    line[victim].kill().expect("kill a tool");
    let whole = wait(line).last() == Some(&true);
    (whole, std::fs::read(out).expect("read what came"))
}
