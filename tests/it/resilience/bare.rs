//! Success without an ETag: of a part it is worth nothing, and an object must then be seen before it counts as stored.

use super::{MIB, Site, bytes};

const LARGE: usize = 5 * MIB + 1;

fn put(site: &Site, patience: &str, bytes: &[u8]) -> super::Ended {
    let words = ["-k", "a", "--part-size", "5M", "--patience", patience];
    site.run("s3put", &words, bytes)
}

/// What is there under `key`, asked of a server without faults.
fn there(site: &mut Site) -> bool {
    site.serve(|options| options);
    site.shop.folder().join("disk/bkt/a").exists()
}

#[test]
fn parts_are_sent_again() {
    let site = Site::new(&["UploadPart#1:bare"]);
    put(&site, "20s", &bytes(LARGE)).well();
    assert_eq!(site.count("UploadPart", ""), 3, "{:?}", site.log());
    assert!(site.stored("a") == bytes(LARGE));
}

#[test]
fn objects_are_looked_at() {
    // Of one request, and of several.
    for (request, size) in [("PutObject", 1000), ("CompleteMultipartUpload", LARGE)] {
        let site = Site::new(&[&format!("{request}#1:bare")]);
        put(&site, "20s", &bytes(size)).well();
        assert_eq!(site.count(request, ""), 1, "{:?}", site.log());
        assert!(site.stored("a") == bytes(size));
    }
}

#[test]
fn slow_servers_are_waited_for() {
    let late = "HeadObject#3-4:error=404,NoSuchKey";
    let site = Site::new(&["CompleteMultipartUpload:bare", late]);
    put(&site, "20s", &bytes(LARGE)).well();
    assert_eq!(site.count("HeadObject", ""), 5, "{:?}", site.log());
}

#[test]
fn what_never_appears_is_not_called_stored() {
    let never = "HeadObject#3-:error=404,NoSuchKey";
    for faults in [
        ["CompleteMultipartUpload:bare", never],
        // Nothing was done at all.
        ["CompleteMultipartUpload:bare", "HeadObject#3-:slowdown"],
    ] {
        let mut site = Site::new(&faults);
        let ended = put(&site, "1s", &bytes(LARGE));
        assert_eq!(ended.status.code(), Some(111), "{}", ended.says);
        assert!(
            ended.says.contains("could not learn whether a was stored"),
            "{}",
            ended.says
        );
        assert!(there(&mut site));
    }
}

/// A key that only writes can't look, and Ceph names no ETag here: that is believed.
#[test]
fn who_may_not_look_believes_it() {
    let site = Site::new(&["CompleteMultipartUpload:bare", "reading:deny"]);
    put(&site, "1s", &bytes(LARGE)).well();
    assert!(site.stored("a") == bytes(LARGE));
}

/// The answer to the first attempt is lost, and the server doesn't show what it has; it only refuses to make it again.
#[test]
fn a_refusal_without_a_sight_is_no_failure() {
    let site = Site::new(&["PutObject#1:lost", "HeadObject#2-:error=404,NoSuchKey"]);
    let ended = put(&site, "1s", &bytes(1000));
    assert_eq!(ended.status.code(), Some(111), "{}", ended.says);
    let site = Site::new(&["PutObject#1:lost", "HeadObject#2-3:error=404,NoSuchKey"]);
    put(&site, "20s", &bytes(1000)).well();
    assert!(site.stored("a") == bytes(1000));
}

#[test]
fn buckets_are_asked_for_the_reason() {
    // It has passed by then.
    let site = Site::new(&["HeadBucket#1:expired"]);
    let words = ["--make-bucket", "--patience", "20s"];
    site.run("s3put", &words, b"").well();
    assert_eq!(site.count("HeadBucket", ""), 2, "{:?}", site.log());
    let site = Site::new(&["HeadBucket:expired", "ListObjectsV2:expired"]);
    let ended = site.run("s3put", &["--make-bucket", "--patience", "1s"], b"");
    assert_eq!(ended.status.code(), Some(111), "{}", ended.says);
    assert!(ended.says.contains("get new keys"), "{}", ended.says);
}
