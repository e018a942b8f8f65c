//! Many writers of one key: exactly one wins, with its own bytes.

use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::Barrier;

use tests::client::wait_for;
use tests::serve::{self, Options};
use tests::servers::Server;
use tests::tools::Workshop;

use crate::conformance::answers::pattern;
use crate::conformance::store::Store;
use crate::stored::Stored;
use crate::storm::verbs::{BUCKET, stock};

#[test]
fn one_writer_wins() {
    for served in [false, true] {
        for writers in [2, 20] {
            race(served, writers);
        }
    }
}

/// Every second one stores so much that it takes two parts.
fn bytes_of(writer: usize) -> Vec<u8> {
    let size = if writer.is_multiple_of(2) {
        1000
    } else {
        (5 << 20) + 1
    };
    pattern(writer as u64 + 1, size)
}

fn race(served: bool, writers: usize) {
    let mut shop = Workshop::new();
    let disk = shop.folder().join("disk");
    let client = Store::in_folder(&disk).client();
    wait_for(stock(&client, &[]));
    let running = served.then(|| serve::start(Options::new(&disk)).expect("start s3serve"));
    if let Some(running) = &running {
        shop.go_to(&Server::of_tests("s3serve", &running.url), BUCKET);
    }
    let start = || {
        shop.command(tests::tools::bin().join("s3put"))
            .args(["-q", "--part-size", "5M", "-k", "prize"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start s3put")
    };
    // They are given all their bytes, and then all of them the end of their input at once.
    let ready = Barrier::new(writers);
    let children: Vec<Child> = (0..writers).map(|_| start()).collect();
    let told: Vec<(Option<i32>, String)> = std::thread::scope(|scope| {
        let threads: Vec<_> = children
            .into_iter()
            .enumerate()
            .map(|(number, mut child)| {
                let ready = &ready;
                scope.spawn(move || {
                    let mut input = child.stdin.take().expect("its input");
                    input.write_all(&bytes_of(number)).expect("write to s3put");
                    ready.wait();
                    drop(input);
                    let done = child.wait_with_output().expect("wait for s3put");
                    (
                        done.status.code(),
                        String::from_utf8_lossy(&done.stderr).into_owned(),
                    )
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a writer"))
            .collect()
    });
    let winners: Vec<usize> = (0..writers).filter(|&one| told[one].0 == Some(0)).collect();
    assert_eq!(winners.len(), 1, "of {writers}, served {served}: {told:?}");
    let exists = |text: &str| text.contains("could not store prize: it exists already");
    for (number, (code, text)) in told.iter().enumerate() {
        assert!(
            number == winners[0] || (*code == Some(100) && exists(text)),
            "{number} of {writers}, served {served}: {code:?} {text}"
        );
    }
    let stored = Stored::of(&client, BUCKET);
    assert_eq!(stored.keys(), ["prize"]);
    assert!(
        stored.objects["prize"].body == bytes_of(winners[0]),
        "another's bytes"
    );
    assert!(stored.uploads.is_empty(), "{:?}", stored.uploads);
}
