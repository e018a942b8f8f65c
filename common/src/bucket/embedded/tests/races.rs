//! Many processes at once, and processes that were killed.

use std::time::Duration;

use super::super::conditions::Guard;
use super::super::files::create;
use super::super::locks::Lock;
use super::super::object::{Description, etag, now};
use super::super::write::Draft;
use super::*;

/// The store as another process sees it: nothing is shared but the directory.
fn another(home: &Home) -> Client {
    client(Store::open(home.dir.path()).unwrap())
}

fn record(key: &str, bytes: &[u8]) -> Record {
    let crc64 = crcs::checksum(crcs::CrcAlgorithm::Crc64Nvme, bytes);
    Record {
        key: key.to_owned(),
        body: String::new(),
        size: bytes.len() as u64,
        modified: now(),
        etag: etag(crc64, bytes.len() as u64, 1),
        crc64nvme: super::super::object::encode(&crc64.to_be_bytes()),
        checksums: Default::default(),
        composite: false,
        description: Description::default(),
        parts: Vec::new(),
        upload: None,
        restore: None,
    }
}

/// Runs one request on each of 20 threads, each with its own runtime, client and store.
fn in_parallel(
    home: &Home,
    work: impl Fn(Client, usize) -> std::pin::Pin<Box<dyn Future<Output = Option<String>>>> + Sync,
) -> Vec<String> {
    let barrier = std::sync::Barrier::new(20);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|number| {
                let (client, barrier, work) = (another(home), &barrier, &work);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .unwrap();
                    barrier.wait();
                    runtime.block_on(work(client, number))
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn home() -> Home {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(Home::new())
}

#[test]
fn of_many_creators_one_wins() {
    let home = home();
    for round in 0..5 {
        let key: &'static str = ["one", "two/deep", "three//odd", "four", ".five"][round];
        let winners = in_parallel(&home, |client, number| {
            Box::pin(async move {
                let body = format!("written by {number}");
                let put = client
                    .put_object()
                    .bucket(BUCKET)
                    .key(key)
                    .if_none_match("*")
                    .body(body.clone().into_bytes().into())
                    .send()
                    .await;
                match put {
                    Ok(_) => Some(body),
                    other => {
                        assert_eq!(refusal(other), (412, "PreconditionFailed".into()));
                        None
                    }
                }
            })
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(home.body(key), winners[0].as_bytes());
    }
    home.assert_tidy();
}

#[test]
fn of_many_completions_one_wins() {
    let home = home();
    let winners = in_parallel(&home, |client, number| {
        Box::pin(async move {
            let body = format!("written by {number}");
            let begun = client
                .create_multipart_upload()
                .bucket(BUCKET)
                .key("k")
                .send()
                .await
                .unwrap();
            let id = begun.upload_id().unwrap();
            let part = client
                .upload_part()
                .bucket(BUCKET)
                .key("k")
                .upload_id(id)
                .part_number(1)
                .body(body.clone().into_bytes().into())
                .send()
                .await
                .unwrap();
            let part = aws_sdk_s3::types::CompletedPart::builder()
                .part_number(1)
                .set_e_tag(part.e_tag)
                .build();
            let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
                .parts(part)
                .build();
            let done = client
                .complete_multipart_upload()
                .bucket(BUCKET)
                .key("k")
                .upload_id(id)
                .multipart_upload(parts)
                .if_none_match("*")
                .send()
                .await;
            if done.is_ok() {
                return Some(body);
            }
            assert_eq!(refusal(done), (412, "PreconditionFailed".into()));
            client
                .abort_multipart_upload()
                .bucket(BUCKET)
                .key("k")
                .upload_id(id)
                .send()
                .await
                .unwrap();
            None
        })
    });
    assert_eq!(winners.len(), 1);
    assert_eq!(home.body("k"), winners[0].as_bytes());
    home.assert_tidy();
}

#[test]
fn of_many_replacers_one_wins() {
    let home = home();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tag = runtime.block_on(async {
        home.put("k", b"first").await;
        home.client
            .head_object()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap()
            .e_tag()
            .unwrap()
            .to_owned()
    });
    let tag: &'static str = tag.leak();
    let winners = in_parallel(&home, |client, number| {
        Box::pin(async move {
            let body = format!("written by {number}");
            client
                .put_object()
                .bucket(BUCKET)
                .key("k")
                .if_match(tag)
                .body(body.clone().into_bytes().into())
                .send()
                .await
                .ok()
                .map(|_| body)
        })
    });
    assert_eq!(winners.len(), 1);
    assert_eq!(home.body("k"), winners[0].as_bytes());
    home.assert_tidy();
}

/// Writers, deleters and readers of a key and its neighbour: every read is one whole version. `dir/k` is there from
/// the beginning and is only ever replaced, so that nobody may miss it; `dir/sub/k` comes and goes.
#[test]
fn readers_see_whole_objects_while_writers_fight() {
    let home = home();
    let write = |client: &Client, key: &str, size: usize, seed: u64| {
        client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .metadata("seed", seed.to_string())
            .metadata("size", size.to_string())
            .body(noise(size, seed).into())
            .send()
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(write(&home.client, "dir/k", 2000, 100))
        .unwrap();
    let readers = in_parallel(&home, |client, number| {
        Box::pin(async move {
            let mut met = 0;
            for round in 0..15_u64 {
                let stays = round % 3 == 0;
                let key = if stays { "dir/k" } else { "dir/sub/k" };
                if number % 4 == 0 {
                    write(&client, key, 3000 + 1000 * number, round)
                        .await
                        .unwrap();
                } else if number % 4 == 1 {
                    client
                        .delete_object()
                        .bucket(BUCKET)
                        .key("dir/sub/k")
                        .send()
                        .await
                        .unwrap();
                } else {
                    let got = client.get_object().bucket(BUCKET).key(key).send().await;
                    if got.is_err() {
                        assert_eq!((stays, refusal(got)), (false, (404, "NoSuchKey".into())));
                        continue;
                    }
                    let answer = got.unwrap();
                    let told = answer.metadata().unwrap();
                    let (seed, size) =
                        (told["seed"].parse().unwrap(), told["size"].parse().unwrap());
                    let body = answer.body.collect().await.unwrap().to_vec();
                    assert!(body == noise(size, seed), "a mixture");
                    met += usize::from(stays);
                }
            }
            (met > 0).then(|| met.to_string())
        })
    });
    assert_eq!(readers, vec!["5"; 10]);
    home.assert_tidy();
}

/// What each instant of a Put leaves behind, and what a sweep makes of it.
#[tokio::test]
async fn killed_puts_are_undone_or_finished() {
    let home = Home::new().await;
    let bucket = home.store.bucket(BUCKET).unwrap();
    let mode = bucket.mode;
    home.put("old", b"old").await;
    let (tmp, sweep) = (home.inner("tmp"), || {
        home.store.sweep(BUCKET, Duration::ZERO).unwrap()
    });
    let plant = |id: &str, record: &Record, suffix: &str| {
        std::fs::write(tmp.join(format!("{id}{suffix}")), record.to_json()).unwrap();
    };

    // Killed while writing the body.
    create(&tmp.join("1"), mode).unwrap();
    assert_eq!(sweep(), 1);
    home.assert_tidy();

    // Killed after the body was linked to its place, before the record was published.
    let mut new = record("new", b"new");
    new.body = "new".to_owned();
    std::fs::write(tmp.join("2"), "new").unwrap();
    plant("2", &new, ".json");
    std::fs::hard_link(tmp.join("2"), home.path().join("new")).unwrap();
    sweep();
    assert!(!home.path().join("new").exists());
    home.assert_tidy();

    // The same, but a foreign file has the name: it stays.
    std::fs::write(tmp.join("3"), "new").unwrap();
    plant("3", &new, ".json");
    std::fs::write(home.path().join("new"), "foreign").unwrap();
    sweep();
    assert_eq!(std::fs::read(home.path().join("new")).unwrap(), b"foreign");
    std::fs::remove_file(home.path().join("new")).unwrap();

    // Killed after the record replaced an older one, before the old body was removed.
    let before = home.record("old").unwrap();
    home.put("old", b"newer").await;
    std::fs::write(home.path().join("old"), "old").unwrap();
    create(&tmp.join("4"), mode).unwrap();
    plant("4", &before, ".old");
    sweep();
    assert_eq!(home.get("old").await, b"newer");
    home.assert_tidy();

    // Killed after the older record was kept, before the new one was published: nothing happened.
    create(&tmp.join("5"), mode).unwrap();
    plant("5", &home.record("old").unwrap(), ".old");
    sweep();
    assert_eq!(home.get("old").await, b"newer");
    home.assert_tidy();

    // Killed in the middle of a deletion.
    home.put("gone", b"gone").await;
    create(&tmp.join("6"), mode).unwrap();
    std::fs::rename(home.inner("meta/gone%o"), tmp.join("6.old")).unwrap();
    sweep();
    home.assert_tidy();
    assert_eq!(home.keys().await, ["old"]);
}

#[tokio::test]
async fn living_work_is_never_swept() {
    let home = Home::new().await;
    let bucket = home.store.bucket(BUCKET).unwrap();
    let draft = Draft::new(&bucket).unwrap();
    std::os::unix::fs::FileExt::write_all_at(draft.file(), b"alive", 0).unwrap();
    assert_eq!(
        Store::open(home.dir.path())
            .unwrap()
            .sweep(BUCKET, Duration::ZERO)
            .unwrap(),
        0
    );
    draft
        .publish(record("k", b"alive"), &Guard::default())
        .unwrap();
    assert_eq!(home.get("k").await, b"alive");
    // Young work is left alone even if its owner is gone.
    create(&home.inner("tmp").join("7"), bucket.mode).unwrap();
    assert_eq!(
        home.store.sweep(BUCKET, Duration::from_secs(3600)).unwrap(),
        0
    );
}

/// A completion that was killed at each of its steps can be asked for again.
#[tokio::test]
async fn killed_completions_can_be_repeated() {
    let home = Home::new().await;
    let begun = home
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let id = begun.upload_id().unwrap();
    let part = home
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(id)
        .part_number(1)
        .body(stream(b"part"))
        .send()
        .await
        .unwrap();
    let part = aws_sdk_s3::types::CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.e_tag)
        .build();
    let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
        .parts(part)
        .build();
    let complete = || {
        home.client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(id)
            .multipart_upload(parts.clone())
            .if_none_match("*")
            .send()
    };
    let upload = home.inner("uploads").join(id);
    // Killed after the body was linked to its place.
    std::fs::write(upload.join("completing"), "").unwrap();
    std::fs::hard_link(upload.join("body"), home.path().join("k")).unwrap();
    let kept = home.dir.path().join("kept");
    copy_tree(&upload, &kept);
    complete().await.unwrap();
    assert_eq!(home.body("k"), b"part");
    home.assert_tidy();
    // Killed after publishing, before the upload was removed.
    copy_tree(&kept, &upload);
    complete().await.unwrap();
    assert_eq!(home.body("k"), b"part");
    home.assert_tidy();
    // Killed while the upload was being removed.
    copy_tree(&kept, &upload);
    std::fs::remove_file(upload.join("manifest.json")).unwrap();
    complete().await.unwrap();
    assert_eq!(home.store.sweep(BUCKET, Duration::ZERO).unwrap(), 1);
    home.assert_tidy();
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in names(from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

#[tokio::test]
async fn locks_wait_for_their_owner() {
    let home = Home::new().await;
    let path = home.inner("locks").join("test");
    let first = Lock::wait_for(&path, 0o600, Duration::from_secs(30)).unwrap();
    let other = std::fs::File::open(&path).unwrap();
    assert!(!super::super::locks::try_exclusive(&other).unwrap());
    drop(first);
    assert!(super::super::locks::try_exclusive(&other).unwrap());
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_says_so() {
    let home = Home::new().await;
    let failure = |kind: std::io::ErrorKind| {
        super::super::errors::failure("write", Path::new("/d/f"), &kind.into())
    };
    let full = super::super::errors::failure(
        "write",
        Path::new("/d/f"),
        &std::io::Error::from_raw_os_error(28),
    );
    assert_eq!(
        (full.code().as_str(), full.status_code().unwrap().as_u16()),
        (super::super::DISK_CODE, 507)
    );
    assert_eq!(
        full.message(),
        Some("could not write /d/f: no space left on device")
    );
    assert_eq!(
        failure(std::io::ErrorKind::ReadOnlyFilesystem)
            .code()
            .as_str(),
        super::super::DISK_CODE
    );
    assert_eq!(
        failure(std::io::ErrorKind::PermissionDenied)
            .code()
            .as_str(),
        super::super::FORBIDDEN_CODE
    );
    assert_eq!(
        failure(std::io::ErrorKind::TimedOut).code().as_str(),
        "InternalError"
    );
    let files = super::super::errors::failure(
        "open",
        Path::new("/d/f"),
        &std::io::Error::from_raw_os_error(24),
    );
    assert_eq!(files.code().as_str(), "InternalError");
    // A body that somebody cut short is an error, not a short answer.
    home.put("k", b"whole").await;
    std::fs::write(home.path().join("k"), "wh").unwrap();
    assert_eq!(
        refusal(
            home.client
                .get_object()
                .bucket(BUCKET)
                .key("k")
                .send()
                .await
        )
        .0,
        507
    );
}
