//! `s3prune --repack`, of which a request goes wrong: the dump is what it was, or it has all that it needs; and the same command
//! ends well afterwards.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::scratch::copy_tree;
use tests::serve::{self, Options};
use tests::servers::Server;

use super::Place;
use crate::conformance::answers::pattern;
use crate::storm::verbs::BUCKET;

const REPACK: &str = "s3prune -q --no-grace --repack h:home:0:2024-01-02 --delete --patience 5s";

/// The bucket in a folder, on a server with these faults.
fn at(template: &Path, faults: &[String]) -> Place {
    let mut place = Place::new(false);
    let disk = place.shop.folder().join("disk");
    std::fs::remove_dir_all(&disk).expect("remove a folder");
    copy_tree(template, &disk);
    serve(&mut place, faults);
    place
}

fn serve(place: &mut Place, faults: &[String]) {
    drop(place.server.take());
    let options = Options::new(place.shop.folder().join("disk"));
    let options = faults.iter().fold(options, |all, spec| all.fault(spec));
    let running = serve::start(options).expect("start s3serve");
    place
        .shop
        .go_to(&Server::of_tests("s3serve", &running.url), BUCKET);
    place.server = Some(running);
}

/// Two dumps, of which the second needs the first, and is long enough for a part to be copied. Their last data are in `data`.
fn two() -> Place {
    let place = Place::new(false);
    let first = pattern(1, 600_000);
    let second = [&first[..], &pattern(2, 17_500_000)].concat();
    for (day, bytes) in [(1, &first), (2, &second)] {
        place.write("data", bytes);
        place.bash(&format!(
            "s3chunk -q --average 64K --known known <data | s3seal -q -z none -R recipient |
                 s3put -q --host h --date 2024-01-0{day} home 0 | s3chunk -q --learn known"
        ));
    }
    place
}

#[test]
fn faults_at_every_request() {
    const FAULTS: [&str; 3] = ["deny", "lost", "flip=600"];
    let origin = two();
    let template = origin.shop.folder().join("disk");
    let before = origin.stored();
    let whole = at(&template, &[]);
    whole.bash(REPACK);
    let log = whole
        .server
        .as_ref()
        .map(tests::serve::Running::log)
        .unwrap_or_default();
    let operations: Vec<&str> = log
        .iter()
        .map(|line| line.split(' ').next().unwrap_or_default())
        .collect();
    for name in ["UploadPartCopy", "UploadPart", "AbortMultipartUpload"] {
        assert!(operations.contains(&name), "{operations:?}");
    }
    let goal = whole.stored();
    assert!(goal.uploads.is_empty(), "{:?}", goal.uploads);
    assert_ne!(goal, before);
    // All that is needed is in it.
    std::fs::copy(origin.file("key"), whole.file("key")).expect("copy a file");
    std::fs::copy(origin.file("data"), whole.file("data")).expect("copy a file");
    whole.bash(
        "s3prune -q --no-grace -k h:home:0:2024-01-01 --delete; restore 2024-01-02 | cmp - data",
    );

    let cells: Vec<(&str, usize)> = FAULTS
        .iter()
        .flat_map(|fault| (1..=operations.len()).map(move |number| (*fault, number)))
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((fault, number)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut place = at(&template, &[format!("any#{number}:{fault}")]);
                    let (code, _, said) = place.try_bash(REPACK);
                    let what = format!("{fault} at {}: {code:?}: {said}", operations[number - 1]);
                    let after = place.stored();
                    let is_done = after.objects == goal.objects;
                    let say = |why: &str| wrong.lock().unwrap().push(format!("{what}: {why}"));
                    if !is_done && after.objects != before.objects {
                        say("it is neither the old dump nor the new one");
                    }
                    if code == Some(0) && !is_done {
                        say("success, and nothing was done");
                    }
                    // Whose answer was lost may be there all the same.
                    if !matches!(code, Some(0 | 100 | 111)) {
                        say("another exit code");
                    }
                    serve(&mut place, &[]);
                    let (code, _, said) = place.try_bash(REPACK);
                    if code != Some(i32::from(is_done)) || place.stored().objects != goal.objects {
                        say(&format!("then {code:?}: {said}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What comes of another dump is proven: nothing is stored that the connection has damaged.
#[test]
fn what_is_read_of_others_is_proven() {
    let origin = two();
    let template = origin.shop.folder().join("disk");
    let before = origin.stored();
    for byte in [0, 511, 512, 100_000] {
        // Whichever of the reading requests it happens to.
        let place = at(&template, &[format!("GetObject#3-:flip={byte}")]);
        let (code, _, said) = place.try_bash(REPACK);
        assert!(matches!(code, Some(100 | 111)), "{byte}: {code:?}: {said}");
        assert_eq!(place.stored(), before, "{byte}");
    }
    for fault in [
        "UploadPartCopy:error=501,NotImplemented",
        "UploadPartCopy#2-:deny",
    ] {
        let place = at(&template, &[fault.to_owned()]);
        let (code, _, said) = place.try_bash(REPACK);
        assert_eq!(code, Some(100), "{said}");
        assert_eq!(place.stored(), before, "{fault}");
    }
}
