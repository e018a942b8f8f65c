//! Directories that somebody else has written to: links, odd files, records that lie, locks that nobody frees.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use super::super::locks::{Lock, of_key};
use super::*;

const DAMAGED: (u16, &str) = (507, super::super::DAMAGE_CODE);

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

impl Home {
    async fn refused_get(&self, key: &str) -> (u16, String) {
        refusal(
            self.client
                .get_object()
                .bucket(BUCKET)
                .key(key)
                .send()
                .await,
        )
    }

    async fn delete(&self, key: &str) {
        let request = self.client.delete_object().bucket(BUCKET).key(key);
        request.send().await.unwrap();
    }

    fn body_path(&self, key: &str) -> PathBuf {
        self.path().join(self.record(key).unwrap().body)
    }

    /// Changes fields of a record by hand.
    fn forge(&self, record: &str, fields: &Value) {
        let path = self.inner("meta").join(record);
        let mut found: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            found[name] = value.clone();
        }
        fs::write(&path, found.to_string()).unwrap();
    }
}

fn owned((status, code): (u16, &str)) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_directory_that_becomes_a_link_leads_nowhere() {
    let home = Home::new().await;
    let outside = home.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("passwd"), "root").unwrap();
    let swap = || {
        fs::remove_dir_all(home.path().join("lnk")).unwrap();
        symlink(&outside, home.path().join("lnk")).unwrap();
    };
    home.put("lnk/passwd", b"mine").await;
    swap();
    assert_eq!(home.refused_get("lnk/passwd").await, owned(DAMAGED));
    // An overwrite goes elsewhere and leaves what is behind the link alone; so does a deletion.
    home.put("lnk/passwd", b"again").await;
    assert_eq!(home.get("lnk/passwd").await, b"again");
    home.delete("lnk/passwd").await;
    assert_eq!(home.keys().await, Vec::<String>::new());
    fs::remove_file(home.path().join("lnk")).unwrap();
    home.put("lnk/passwd", b"mine").await;
    swap();
    home.delete("lnk/passwd").await;
    assert_eq!(home.keys().await, Vec::<String>::new());
    assert_eq!(fs::read(outside.join("passwd")).unwrap(), b"root");
    // Nor is an emptied directory behind it removed.
    fs::remove_file(home.path().join("lnk")).unwrap();
    home.put("lnk/empty/x", b"mine").await;
    fs::create_dir(outside.join("empty")).unwrap();
    swap();
    home.delete("lnk/empty/x").await;
    assert_eq!(names(&outside), ["empty", "passwd"]);
}

#[tokio::test]
async fn a_link_in_the_place_of_a_body_is_not_followed() {
    let home = Home::new().await;
    let outside = home.dir.path().join("outside");
    fs::write(&outside, "four").unwrap();
    home.put("k", b"mine").await;
    fs::remove_file(home.path().join("k")).unwrap();
    symlink(&outside, home.path().join("k")).unwrap();
    assert_eq!(home.refused_get("k").await, owned(DAMAGED));
    home.delete("k").await;
    assert_eq!(fs::read(&outside).unwrap(), b"four");
}

#[tokio::test]
async fn the_stores_own_directories_are_no_links() {
    for part in ["tmp", "meta", "bodies", "locks", "uploads"] {
        let home = Home::new().await;
        let outside = home.dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "mine").unwrap();
        fs::remove_dir_all(home.inner(part)).unwrap();
        symlink(&outside, home.inner(part)).unwrap();
        assert_eq!(home.refused_get("k").await, owned(DAMAGED), "{part}");
        assert!(home.store.sweep(BUCKET, Duration::ZERO).is_err());
        assert_eq!(names(&outside), ["file"], "{part}");
    }
}

/// Else a link to the directory that it lies in would make a listing without end.
#[tokio::test]
async fn links_among_the_records_are_not_listed() {
    let home = Home::new().await;
    home.put("a/b", b"four").await;
    symlink(".", home.inner("meta/c%d")).unwrap();
    let list = || home.client.list_objects_v2().bucket(BUCKET);
    assert_eq!(refusal(list().send().await).0, 507);
    assert_eq!(refusal(list().delimiter("/").send().await).0, 507);
    let put = home.client.put_object().bucket(BUCKET).key("c/d");
    assert_eq!(refusal(put.body(stream(b"x")).send().await).0, 507);
    assert!(!home.inner("meta/d%o").exists());
}

#[tokio::test]
async fn a_body_is_where_its_key_says_or_among_the_others() {
    let home = Home::new().await;
    home.put("mine", b"four").await;
    home.put("other", b"four").await;
    let id = "0123456789abcdef0123456789abcdef";
    for body in [
        "other",
        "../outside",
        "/etc/passwd",
        ".s3pipes/format",
        ".s3pipes/bodies/../format",
        ".s3pipes/bodies/0123",
        &format!(".s3pipes/bodies/{id}/x"),
        &format!(".s3pipes/bodies/{}", id.to_uppercase()),
    ] {
        home.put("mine", b"four").await;
        home.forge("mine%o", &json!({ "body": body }));
        assert_eq!(home.refused_get("mine").await, owned(DAMAGED), "{body}");
        // Deleting it removes the record and nothing else.
        home.delete("mine").await;
        assert_eq!(home.keys().await, ["other"], "{body}");
        assert_eq!(home.get("other").await, b"four", "{body}");
    }
    fs::write(home.inner("bodies").join(id), "four").unwrap();
    home.put("mine", b"four").await;
    fs::remove_file(home.body_path("mine")).unwrap();
    home.forge(
        "mine%o",
        &json!({ "body": format!(".s3pipes/bodies/{id}") }),
    );
    assert_eq!(home.get("mine").await, b"four");
}

#[tokio::test]
async fn pipes_keep_nobody_waiting() {
    let home = Home::new().await;
    home.put("k", b"four").await;
    fs::remove_file(home.path().join("k")).unwrap();
    fifo(&home.path().join("k"));
    assert_eq!(home.refused_get("k").await, owned(DAMAGED));
    fs::remove_file(home.inner("meta/k%o")).unwrap();
    fifo(&home.inner("meta/k%o"));
    assert_eq!(home.refused_get("k").await, owned(DAMAGED));
    home.put("k", b"new").await;
    assert_eq!(home.get("k").await, b"new");
    fifo(&home.inner("tmp").join("0"));
    home.store.sweep(BUCKET, Duration::ZERO).unwrap();
    assert_eq!(names(&home.inner("tmp")), Vec::<String>::new());
    fs::remove_file(home.inner("format")).unwrap();
    fifo(&home.inner("format"));
    assert_eq!(home.refused_get("k").await, owned(DAMAGED));
}

#[tokio::test]
async fn parts_that_cannot_be_are_damage() {
    let home = Home::new().await;
    for parts in [
        json!([[1, 4_294_967_295_u32, 5], [7, 4_294_967_295_u32, u64::MAX]]),
        json!([[1, 2, 5]]),
        json!([[0, 1, 4]]),
        json!([[1, 0, 4], [2, 1, 4]]),
        json!([[2, 1, 2], [1, 1, 2]]),
        json!([[1, 4_294_967_295_u32, 0], [4_294_967_295_u32, 1, 4]]),
        json!([[1, 10_000, 0], [10_001, 1, 4]]),
        json!([[1, 2, u64::MAX], [3, 1, 4]]),
    ] {
        home.put("k", b"four").await;
        home.forge("k%o", &json!({ "parts": parts }));
        let head = home.client.head_object().bucket(BUCKET).key("k");
        assert_eq!(refusal(head.part_number(1).send().await).0, 507, "{parts}");
        assert_eq!(home.refused_get("k").await, owned(DAMAGED), "{parts}");
    }
    home.put("k", b"four").await;
    home.forge("k%o", &json!({ "parts": [[1, 1, 3], [10_000, 1, 1]] }));
    let get = home.client.get_object().bucket(BUCKET).key("k");
    let got = get.part_number(10_000).send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"r");
}

/// An uploaded part names no file elsewhere, and no sizes that overflow.
#[tokio::test]
async fn uploaded_parts_that_cannot_be_are_damage() {
    let home = Home::new().await;
    let begin = home.client.create_multipart_upload();
    let begun = begin.bucket(BUCKET).key("k").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let send = || {
        let part = home.client.upload_part().bucket(BUCKET).key("k");
        part.upload_id(id).part_number(1).body(stream(b"part"))
    };
    send().send().await.unwrap();
    let outside = home.dir.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    let path = home.inner("uploads").join(id).join("1.json");
    let stored: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (name, value) in [
        ("file", json!(outside.to_str().unwrap())),
        ("file", json!("part.1-/../../../../../outside")),
        ("number", json!(2)),
        ("size", json!(u64::MAX)),
        ("at", json!(u64::MAX)),
    ] {
        let mut forged = stored.clone();
        forged[name] = value;
        fs::write(&path, forged.to_string()).unwrap();
        let list = home.client.list_parts().bucket(BUCKET).key("k");
        assert_eq!(
            refusal(list.upload_id(id).send().await),
            owned(DAMAGED),
            "{forged}"
        );
        assert_eq!(refusal(send().send().await), owned(DAMAGED), "{forged}");
        assert_eq!(fs::read(&outside).unwrap(), b"mine");
    }
}

#[tokio::test]
async fn a_damaged_record_can_be_deleted_and_replaced() {
    let home = Home::new().await;
    let damage = |rubbish: &str| fs::write(home.inner("meta/bad%o"), rubbish).unwrap();
    home.put("good", b"good").await;
    for rubbish in ["", "rubbish", "{\"key\":\"bad\"}"] {
        home.put("bad", b"lost").await;
        damage(rubbish);
        // A listing says what is wrong and where: nobody is to believe that a backup isn't there.
        let list = home.client.list_objects_v2().bucket(BUCKET).send().await;
        let error = list.unwrap_err().into_service_error();
        assert!(error.message().unwrap().contains("meta/bad%o"), "{rubbish}");
        // Whoever asks something of the object gets no answer.
        let put = || home.client.put_object().bucket(BUCKET).key("bad");
        let delete = || home.client.delete_object().bucket(BUCKET).key("bad");
        let created = put().if_none_match("*").body(stream(b"x")).send().await;
        assert_eq!(refusal(created), owned(DAMAGED));
        let matched = put().if_match("\"x\"").body(stream(b"x")).send().await;
        assert_eq!(refusal(matched), owned(DAMAGED));
        assert_eq!(
            refusal(delete().if_match("\"x\"").send().await),
            owned(DAMAGED)
        );

        home.delete("bad").await;
        assert_eq!(home.keys().await, ["good"]);
        assert_eq!(names(&home.inner("tmp")), Vec::<String>::new());
        // What may have been the body is left to be found.
        assert_eq!(fs::read(home.path().join("bad")).unwrap(), b"lost");
        fs::remove_file(home.path().join("bad")).unwrap();

        home.put("bad", b"lost").await;
        damage(rubbish);
        home.put("bad", b"new").await;
        assert_eq!(home.get("bad").await, b"new");
        assert_eq!(home.keys().await, ["bad", "good"]);
        assert_eq!(fs::read(home.path().join("bad")).unwrap(), b"lost");
        fs::remove_file(home.path().join("bad")).unwrap();
        home.delete("bad").await;
    }
    home.assert_tidy();
}

/// Whose work it was can't be known while the record is damaged. The rest is tidied up.
#[tokio::test]
async fn a_damaged_record_does_not_stop_a_sweep() {
    let home = Home::new().await;
    home.put("bad", b"bad").await;
    let tmp = home.inner("tmp");
    for id in ["1", "2", "3"] {
        fs::write(tmp.join(id), "").unwrap();
    }
    fs::copy(home.inner("meta/bad%o"), tmp.join("2.old")).unwrap();
    fs::write(home.inner("meta/bad%o"), "rubbish").unwrap();
    home.store.sweep(BUCKET, Duration::ZERO).unwrap();
    assert_eq!(names(&tmp), ["2", "2.old"]);
    home.delete("bad").await;
    home.store.sweep(BUCKET, Duration::ZERO).unwrap();
    home.assert_tidy();
}

/// A damaged record doesn't keep an upload from being completed in its place.
#[tokio::test]
async fn a_damaged_record_is_replaced_by_an_upload() {
    let home = Home::new().await;
    let begin = home.client.create_multipart_upload();
    let begun = begin.bucket(BUCKET).key("k").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let part = home.client.upload_part().bucket(BUCKET).key("k");
    let part = part.upload_id(id).part_number(1).body(stream(b"part"));
    let part = aws_sdk_s3::types::CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.send().await.unwrap().e_tag)
        .build();
    let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
        .parts(part)
        .build();
    fs::write(home.inner("meta/k%o"), "rubbish").unwrap();
    let complete = || {
        let complete = home.client.complete_multipart_upload().bucket(BUCKET);
        complete.key("k").upload_id(id)
    };
    let parts = || complete().multipart_upload(parts.clone());
    assert_eq!(
        refusal(parts().if_none_match("*").send().await),
        owned(DAMAGED)
    );
    parts().send().await.unwrap();
    assert_eq!(home.get("k").await, b"part");
    home.assert_tidy();
}

#[tokio::test]
async fn a_lock_that_nobody_frees_is_a_failure_that_may_pass() {
    let home = Home::new().await;
    let path = home.inner("locks").join(of_key("k"));
    let held = Lock::wait_for(&path, 0o600, Duration::from_secs(30)).unwrap();
    let error = Lock::wait_for(&path, 0o600, Duration::ZERO).unwrap_err();
    let answer = super::super::errors::failure("lock", Path::new("/d/l"), &error);
    assert_eq!(answer.code().as_str(), "InternalError");
    assert_eq!(
        answer.message(),
        Some("could not lock /d/l: another process holds the lock")
    );
    drop(held);
    Lock::wait_for(&path, 0o600, Duration::ZERO).unwrap();
}

/// Requests that are dropped while they wait for a lock end at once, and change nothing later.
#[tokio::test]
async fn what_was_given_up_is_not_published() {
    let home = Home::new().await;
    home.put("k", b"old").await;
    let path = home.inner("locks").join(of_key("k"));
    let held = Lock::wait_for(&path, 0o600, Duration::from_secs(30)).unwrap();
    let put = home.client.put_object().bucket(BUCKET).key("k");
    let put = tokio::spawn(put.body(stream(b"new")).send());
    let delete = home.client.delete_object().bucket(BUCKET).key("k");
    let delete = tokio::spawn(delete.send());
    // A draft each, and the record of the one that puts.
    while names(&home.inner("tmp")).len() < 3 {
        tokio::task::yield_now().await;
    }
    for request in [put.abort_handle(), delete.abort_handle()] {
        request.abort();
    }
    assert!(put.await.unwrap_err().is_cancelled());
    assert!(delete.await.unwrap_err().is_cancelled());
    // They go while the lock is still held.
    while !names(&home.inner("tmp")).is_empty() {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert_eq!(home.get("k").await, b"old");
    home.assert_tidy();
}
