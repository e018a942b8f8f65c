//! Keys and the files that their bodies lie in.

use std::collections::BTreeMap;

use aws_sdk_s3::types::*;

use super::*;

const NOWHERE: [&str; 0] = [];

fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain",
        "with space",
        "host:home:0:2026-01-31",
        "a",
        "a/b",
        "a/b/c",
        "a//b",
        "/lead",
        "//",
        "/",
        "trail/",
        "trail//",
        ".",
        "..",
        "x/..",
        "../other/x",
        "./x",
        "dir/.",
        ".s3pipes/format",
        ".S3PIPES",
        "caf\u{e9}",
        "cafe\u{301}",
        "日本語/キー",
        "😀",
        "plus+plus",
        "100%",
        "%2F",
        "%o",
        "a%o",
        "a%d",
        "q?u=e&r#y",
        "quote\"'",
        "back\\slash",
        "<tag>&amp;",
        "star*",
        "~tilde",
        "tab\there",
        "new\nline",
        "cr\rhere",
        "\u{1}control",
        "\u{7f}delete",
    ]
    .map(String::from)
    .to_vec();
    keys.push("k".repeat(1024));
    keys.push("s".repeat(300));
    keys.push("/".repeat(1024));
    keys.push("é/".repeat(341));
    keys.push("\u{1}/".repeat(512));
    keys
}

#[tokio::test]
async fn every_key_works() {
    let home = Home::new().await;
    let keys = odd_keys();
    for key in &keys {
        home.put(key, format!("body of {key}").as_bytes()).await;
    }
    let outside: Vec<String> = names(home.dir.path());
    assert_eq!(outside, [BUCKET], "a key left its bucket");
    for key in &keys {
        assert_eq!(
            home.get(key).await,
            format!("body of {key}").as_bytes(),
            "{key}"
        );
        assert_eq!(home.body(key), format!("body of {key}").as_bytes(), "{key}");
    }
    let page = home
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .unwrap();
    let listed: Vec<String> = page
        .contents()
        .iter()
        .map(|object| super::super::describe::percent_decoded(object.key().unwrap()).unwrap())
        .collect();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    home.assert_tidy();
    for key in &keys {
        home.client
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(home.record(key).map(|record| record.key), None);
    }
    home.assert_tidy();
    assert_eq!(names(&home.inner("meta")), NOWHERE);
    assert_eq!(names(&home.path()), [".s3pipes"]);
    home.client
        .delete_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(names(home.dir.path()), NOWHERE);
}

#[tokio::test]
async fn bodies_lie_under_their_names_and_move_aside_when_those_are_taken() {
    let home = Home::new().await;
    home.put("dir/file", b"one").await;
    assert_eq!(std::fs::read(home.path().join("dir/file")).unwrap(), b"one");
    home.put("dir", b"beside").await;
    assert!(
        home.record("dir")
            .unwrap()
            .body
            .starts_with(".s3pipes/bodies/")
    );
    std::fs::write(home.path().join("foreign"), "mine").unwrap();
    home.put("foreign", b"object").await;
    assert_eq!(std::fs::read(home.path().join("foreign")).unwrap(), b"mine");
    assert_eq!(home.get("foreign").await, b"object");
    std::os::unix::fs::symlink("/tmp", home.path().join("link")).unwrap();
    home.put("link/x", b"inside").await;
    assert!(
        home.record("link/x")
            .unwrap()
            .body
            .starts_with(".s3pipes/bodies/")
    );
    assert_eq!(home.get("link/x").await, b"inside");
    home.put("dir/file", b"two").await;
    assert_eq!(home.get("dir/file").await, b"two");
    assert!(
        !home.path().join("dir/file").exists(),
        "the old body is gone"
    );
    home.put("dir/file", b"three").await;
    assert_eq!(
        std::fs::read(home.path().join("dir/file")).unwrap(),
        b"three"
    );
    assert_eq!(names(&home.inner("tmp")), NOWHERE);
    let answer = home.client.delete_bucket().bucket(BUCKET).send().await;
    assert_eq!(refusal(answer), (409, "BucketNotEmpty".into()));
}

#[tokio::test]
async fn large_announcements_and_long_keys_are_refused() {
    let home = Home::new().await;
    let put = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("x".repeat(1025))
        .body(stream(b"x"))
        .send()
        .await;
    assert_eq!(refusal(put), (400, "KeyTooLongError".into()));
    let lazy = aws_smithy_types::body::SdkBody::from_body_1_x(
        http_body_util::Empty::<bytes::Bytes>::new(),
    );
    let put = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_length((5 << 30) + 1)
        .body(ByteStream::new(lazy))
        .send()
        .await;
    assert_eq!(refusal(put), (400, "EntityTooLarge".into()));
    assert_eq!(home.keys().await, NOWHERE);
    home.assert_tidy();
}

/// The stored record has the fields that the format page promises.
#[tokio::test]
async fn the_record_on_disk() {
    let home = Home::new().await;
    home.client
        .put_object()
        .bucket(BUCKET)
        .key("a/b")
        .metadata("n", "v")
        .body(stream(b"hello"))
        .send()
        .await
        .unwrap();
    let record: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(home.inner("meta/a%d/b%o")).unwrap()).unwrap();
    assert_eq!(record["key"], "a/b");
    assert_eq!(record["body"], "a/b");
    assert_eq!(record["size"], 5);
    assert_eq!(record["crc64nvme"], "M3eFcAZSQlc=");
    assert_eq!(
        record["etag"],
        "3377857006524257000000000000000005-1".replace("000000000000000005", "0000000000000005")
    );
    assert_eq!(record["metadata"]["n"], "v");
    assert_eq!(
        std::fs::read_to_string(home.inner("format")).unwrap(),
        "s3pipes-store/1\n"
    );
}

#[tokio::test]
async fn permissions_follow_the_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    home.put("a/b", b"x").await;
    assert_eq!(
        (
            mode(&home.path()),
            mode(&home.path().join("a")),
            mode(&home.path().join("a/b"))
        ),
        (0o700, 0o700, 0o600)
    );
    assert_eq!(mode(&home.inner("meta/a%d/b%o")), 0o600);
}
