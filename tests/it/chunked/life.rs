//! A set of dumps through its days: what each sends, that each comes back, and what may go.

use super::Place;
use crate::conformance::answers::pattern;

/// Bytes of the first day.
const SIZE: usize = 2 << 20;

/// Days of data: each is the one before with a little inserted, changed, and added.
fn days() -> Vec<Vec<u8>> {
    let mut days = vec![pattern(1, SIZE)];
    for day in 1..4u8 {
        let mut next = days[usize::from(day) - 1].clone();
        next.splice(300_000..300_010, pattern(u64::from(day) + 10, 100));
        next[1_000_000] ^= day;
        next.extend(pattern(u64::from(day) + 20, 5000));
        days.push(next);
    }
    days
}

fn live(served: bool) {
    let place = Place::new(served);
    let days = days();
    for (day, bytes) in days.iter().enumerate() {
        place.write("data", bytes);
        place.bash(&format!("<data backup 2024-01-0{}", day + 1));
    }
    let sizes = sizes(&place);
    // All is there once; each later day sends its few chunks, and a tail.
    assert!(sizes[0] > SIZE as u64, "{sizes:?}");
    for later in &sizes[1..] {
        assert!(*later < SIZE as u64 / 5, "{sizes:?}");
    }
    restored(&place, &days, 0);

    // What the newest needs stays, whatever the policy says.
    place.bash("s3prune -q --keep-last 1 --no-grace --trust-dates --delete -a");
    let stored = place.stored();
    let left = stored.keys();
    assert!(left.contains(&"h:home:0:2024-01-01"), "{left:?}");
    assert!(left.contains(&"h:home:0:2024-01-04"), "{left:?}");
    restored(&place, &days[3..], 3);

    // A dump that starts again needs nobody; then all others may go.
    place.write("data", &days[0]);
    place.bash("rm known; <data backup 2024-01-05");
    place.bash("s3prune -q --keep-last 1 --no-grace --trust-dates --delete -a");
    assert_eq!(place.stored().keys(), ["h:home:0:2024-01-05"]);
    restored(&place, &days[..1], 4);
}

fn sizes(place: &Place) -> Vec<u64> {
    let stored = place.stored();
    stored
        .objects
        .values()
        .map(|object| object.body.len() as u64)
        .collect()
}

fn restored(place: &Place, days: &[Vec<u8>], first: usize) {
    for (day, bytes) in days.iter().enumerate() {
        place.bash(&format!("restore 2024-01-0{} >out", first + day + 1));
        let out = std::fs::read(place.file("out")).expect("read what came");
        assert!(out == *bytes, "day {}: other bytes", first + day + 1);
    }
}

#[test]
fn days_on_a_directory() {
    live(false);
}

#[test]
fn days_on_a_server() {
    live(true);
}

/// Dumps that take in what they need: each comes back, before and after what they needed goes.
fn repacked(served: bool) {
    let place = Place::new(served);
    let days = days();
    for (day, bytes) in days.iter().enumerate() {
        place.write("data", bytes);
        place.bash(&format!("<data backup 2024-01-0{}", day + 1));
    }
    let repack = |day| {
        let said = place.bash(&format!(
            "s3prune -q --no-grace --repack h:home:0:2024-01-0{day} --delete"
        ));
        assert_eq!(said, format!("h:home:0:2024-01-0{day}\n"));
        restored(&place, &days, 0);
    };
    let before = place.stored();
    // In the middle of the chain, and at its end; those that refer to them find them.
    repack(2);
    repack(4);
    let (code, _, said) = place.try_bash("s3prune -q --no-grace --repack h:home:0:2024-01-02");
    assert!(
        code == Some(1) && said.contains("needs no other dump"),
        "{said}"
    );
    let after = place.stored();
    for (key, object) in &after.objects {
        let old = &before.objects[key];
        let is_repacked = key.ends_with('2') || key.ends_with('4');
        assert_eq!(
            object.body.len() > SIZE,
            is_repacked || key.ends_with('1'),
            "{key}"
        );
        assert_eq!(object.body == old.body, !is_repacked, "{key}");
    }

    // The third still needs the first, and nobody else does.
    let (code, _, said) = place.try_bash("s3prune -q --no-grace -k h:home:0:2024-01-01 --delete");
    assert!(
        code == Some(100) && said.contains("2024-01-03 needs it\n"),
        "{said}"
    );
    place.bash("s3prune -q --no-grace -k h:home:0:2024-01-03 --delete; s3prune -q --no-grace -k h:home:0:2024-01-01 --delete");
    for day in [2, 4] {
        restored(&place, &days[day - 1..day], day - 1);
        place.bash(&format!(
            "s3get -q --raw --host h --date 2024-01-0{day} home 0 | s3seal -q -d -i key | s3chunk -q -d >out"
        ));
        let out = std::fs::read(place.file("out")).expect("read what came");
        assert!(out == days[day - 1], "day {day}: other bytes");
    }
    // Nobody was making one, it was said: the known file is from before, and what it refers to is gone.
    place.write("data", &days[3]);
    let (code, _, said) = place.try_bash("<data backup 2024-01-05");
    assert!(code != Some(0) && said.contains("which is gone"), "{said}");
    place.bash("rm known; <data backup 2024-01-05; restore 2024-01-05 | cmp - data");
}

#[test]
fn repacked_on_a_directory() {
    repacked(false);
}

#[test]
fn repacked_on_a_server() {
    repacked(true);
}

#[test]
fn an_unchanged_tree_sends_hardly_anything() {
    let place = Place::new(false);
    place.write("data", &pattern(3, SIZE));
    place.bash("<data backup 2024-01-01; <data backup 2024-01-02");
    // Lists of chunks, and headers.
    let sizes = sizes(&place);
    assert!(sizes[1] < 40_000, "{sizes:?}");
    restored(&place, &vec![pattern(3, SIZE); 2], 0);
}

#[test]
fn filters_between_that_change_nothing_change_nothing() {
    let place = Place::new(false);
    place.write("data", &pattern(4, SIZE));
    place.bash(
        "for day in 1 2; do <data pv -q | s3chunk -q --average 16K --known known | mbuffer -q | s3seal -q -R recipient |
             s3rate 100M | pv -q | s3put -q --host h --date 2024-01-0$day home 0 | cat | s3chunk -q --learn known; done",
    );
    assert!(sizes(&place)[1] < 40_000);
    restored(&place, &vec![pattern(4, SIZE); 2], 0);
    place.bash(
        "s3get -q --host h --date 2024-01-02 home 0 | pv -q | s3rate 100M | s3seal -q -d -i key | mbuffer -q | s3chunk -q -d | cmp - data",
    );
}

#[test]
fn a_filter_that_changes_bytes_makes_an_ordinary_dump() {
    let place = Place::new(false);
    let bytes = pattern(5, SIZE);
    place.write("data", &bytes);
    place.bash(
        "<data s3chunk -q --average 16K | gzip -1 | s3put -q --host h --date 2024-01-01 home 0",
    );
    place.bash("s3get -q --host h --date 2024-01-01 home 0 | gunzip | s3chunk -q -d | cmp - data");
    place.bash("<data s3chunk -q --average 16K | gpg -q --batch --passphrase x -c | s3put -q --host h --date 2024-01-02 home 0");
    place.bash("s3get -q --host h --date 2024-01-02 home 0 | gpg -q --batch --passphrase x -d | s3chunk -q -d | cmp - data");
}

#[test]
fn what_is_missing_or_another_is_named() {
    let place = Place::new(false);
    for (day, bytes) in days().iter().take(2).enumerate() {
        place.write("data", bytes);
        place.bash(&format!("<data backup 2024-01-0{}", day + 1));
    }
    // Another dump under the name of the one that is needed.
    place.bash("s3get -q --raw --host h --date 2024-01-01 home 0 >old; s3prune -q -k h:home:0:2024-01-01 --force --delete");
    for other in ["", "rm known; <data backup 2024-01-01"] {
        place.bash(&format!("cp known saved; {other}\ncp saved known"));
        let (code, out, err) = place.try_bash("restore 2024-01-02");
        assert_ne!(code, Some(0));
        assert!(
            out.is_empty() && err.contains("h:home:0:2024-01-01"),
            "{err}"
        );
        // Nor does the next one refer to it.
        let (code, _, err) = place.try_bash("<data backup 2024-01-03");
        assert_ne!(code, Some(0), "{err}");
        assert!(
            !place.stored().objects.contains_key("h:home:0:2024-01-03"),
            "{err}"
        );
    }
    // Brought back as it was, it serves again.
    place.bash("s3prune -q -k h:home:0:2024-01-01 --force --delete; <old s3put -q --host h --date 2024-01-01 home 0; restore 2024-01-02 | cmp - data");
}
