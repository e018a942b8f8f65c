//! Objects and buckets: odd keys, conditions, ranges, copies, documents, and what lies on disk.

use std::collections::BTreeMap;

use aws_sdk_s3::types::*;

use super::super::{Options, Thaw};
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
async fn what_was_said_comes_back() {
    let home = Home::new().await;
    let put = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(stream(b"hello"));
    let put = put
        .content_type("text/plain")
        .content_encoding("aws-chunked,gzip")
        .content_language("en")
        .content_disposition("attachment");
    let put = put
        .cache_control("no-store")
        .metadata("token", "abc")
        .metadata("name", "Grüße")
        .storage_class(StorageClass::StandardIa);
    let put = put
        .tagging("a=1&b%20c=d%26e+f")
        .acl(ObjectCannedAcl::PublicRead)
        .send()
        .await
        .unwrap();
    let head = home
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(head.content_type(), Some("text/plain"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!(head.content_language(), Some("en"));
    assert_eq!(head.content_disposition(), Some("attachment"));
    assert_eq!(head.cache_control(), Some("no-store"));
    assert_eq!(head.metadata().unwrap().get("token").unwrap(), "abc");
    assert_eq!(head.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!(head.e_tag(), put.e_tag());
    assert!(
        head.checksum_crc32().is_some(),
        "the checksum that the SDK sent"
    );
    let record = home.record("k").unwrap();
    assert_eq!(record.description.metadata["name"], "Grüße");
    assert_eq!(
        record.description.tags,
        [
            ("a".to_owned(), "1".to_owned()),
            ("b c".to_owned(), "d&e f".to_owned())
        ]
    );
    let acl = home
        .client
        .get_object_acl()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(acl.grants().len(), 2);
    let page = home
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(page.contents()[0].e_tag(), put.e_tag());
    assert_eq!(
        page.contents()[0].storage_class(),
        Some(&ObjectStorageClass::StandardIa)
    );
    assert_eq!(page.contents()[0].size(), Some(5));
    let answer = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .storage_class("COLD".into())
        .body(stream(b"x"))
        .send()
        .await;
    assert_eq!(refusal(answer), (400, "InvalidStorageClass".into()));
    let answer = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .metadata("m", "x".repeat(2048))
        .body(stream(b"x"))
        .send()
        .await;
    assert_eq!(refusal(answer), (400, "MetadataTooLarge".into()));
    assert_eq!(home.get("k").await, b"hello");
    home.assert_tidy();
}

#[tokio::test]
async fn wrong_checksums_change_nothing() {
    let home = Home::new().await;
    home.put("k", b"good").await;
    let put = || {
        home.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(stream(b"evil"))
    };
    assert_eq!(
        refusal(put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(put().content_md5("short").send().await),
        (400, "InvalidDigest".into())
    );
    assert_eq!(
        refusal(put().checksum_crc64_nvme("AAAAAAAAAAA=").send().await),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(put().checksum_crc32("AAAAAA==").send().await),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(put().checksum_crc32_c("AAAAAA==").send().await),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(
            put()
                .checksum_sha1("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
                .send()
                .await
        ),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(
            put()
                .checksum_sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
                .send()
                .await
        ),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(put().checksum_sha256("AAAA").send().await),
        (400, "InvalidRequest".into())
    );
    assert_eq!(home.get("k").await, b"good");
    home.assert_tidy();
    for (algorithm, name) in [
        (ChecksumAlgorithm::Sha1, "SHA1"),
        (ChecksumAlgorithm::Sha256, "SHA256"),
        (ChecksumAlgorithm::Crc32C, "CRC32C"),
    ] {
        home.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_algorithm(algorithm)
            .body(stream(b"next"))
            .send()
            .await
            .unwrap();
        assert_eq!(
            home.record("k")
                .unwrap()
                .checksums
                .keys()
                .collect::<Vec<_>>(),
            [name]
        );
    }
    home.client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_md5("0OgWj5Y9TKcLnSvqyLPxDg==")
        .body(stream(b"x"))
        .send()
        .await
        .unwrap_err();
    home.client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_md5("nd1Oh8XYLdFDRyKq0V8Tmw==")
        .body(stream(b"y"))
        .send()
        .await
        .unwrap_err();
    home.client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_md5("XUFAKrxLKna5cZ2REBfFkg==")
        .body(stream(b"hello"))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn trailers_are_verified() {
    let home = Home::new().await;
    let lazy = |bytes: &'static [u8]| {
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(
            bytes.chunks(3).map(|piece| {
                Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::from_static(piece)))
            }),
        ));
        ByteStream::new(aws_smithy_types::body::SdkBody::from_body_1_x(body))
    };
    let put = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_length(11)
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    put.body(lazy(b"hello world")).send().await.unwrap();
    assert_eq!(home.get("k").await, b"hello world");
    let record = home.record("k").unwrap();
    assert_eq!(record.description.headers.get("content-encoding"), None);
    assert_eq!(record.size, 11);
    let put = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_length(12)
        .body(lazy(b"hello world"))
        .send()
        .await;
    assert!(put.is_err());
    assert_eq!(home.get("k").await, b"hello world");
    home.assert_tidy();
}

#[tokio::test]
async fn ranges_conditions_and_parts_of_reads() {
    let home = Home::new().await;
    let body = noise(2_000_000, 1);
    home.put("k", &body).await;
    let get = || home.client.get_object().bucket(BUCKET).key("k");
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=5-1999998", 5, 1_999_999),
        ("bytes=1999999-", 1_999_999, 2_000_000),
        ("bytes=-7", 1_999_993, 2_000_000),
        ("bytes=0-99999999", 0, 2_000_000),
    ] {
        let answer = get().range(range).send().await.unwrap();
        assert_eq!(
            answer.content_range().unwrap(),
            format!("bytes {from}-{}/2000000", to - 1)
        );
        assert_eq!(
            answer.body.collect().await.unwrap().to_vec(),
            body[from..to],
            "{range}"
        );
    }
    assert_eq!(
        refusal(get().range("bytes=2000000-").send().await),
        (416, "InvalidRange".into())
    );
    let tag = home
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap()
        .e_tag()
        .unwrap()
        .to_owned();
    assert_eq!(
        refusal(get().if_match("\"other\"").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(refusal(get().if_none_match(&tag).send().await).0, 304);
    get()
        .if_match(&tag)
        .if_none_match("\"other\"")
        .send()
        .await
        .unwrap();
    let now = aws_smithy_types::DateTime::from(
        std::time::SystemTime::now() + std::time::Duration::from_secs(60),
    );
    assert_eq!(refusal(get().if_modified_since(now).send().await).0, 304);
    assert_eq!(
        refusal(
            get()
                .if_unmodified_since(aws_smithy_types::DateTime::from_secs(0))
                .send()
                .await
        )
        .0,
        412
    );
    get().part_number(1).send().await.unwrap();
    assert_eq!(
        refusal(get().part_number(2).send().await),
        (416, "InvalidPartNumber".into())
    );
    assert_eq!(
        refusal(
            home.client
                .get_object()
                .bucket(BUCKET)
                .key("no")
                .send()
                .await
        ),
        (404, "NoSuchKey".into())
    );
    assert_eq!(
        refusal(home.client.get_object().bucket("no").key("no").send().await),
        (404, "NoSuchBucket".into())
    );
    assert!(
        home.client
            .head_object()
            .bucket(BUCKET)
            .key("no")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    home.put("empty", b"").await;
    assert_eq!(home.get("empty").await, b"");
    assert_eq!(
        refusal(
            home.client
                .get_object()
                .bucket(BUCKET)
                .key("empty")
                .range("bytes=0-")
                .send()
                .await
        ),
        (416, "InvalidRange".into())
    );
}

#[tokio::test]
async fn a_reader_finishes_what_it_began() {
    let home = Home::new().await;
    let body = noise(4_000_000, 2);
    home.put("k", &body).await;
    let answer = home
        .client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    home.put("k", b"new").await;
    home.client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.body.collect().await.unwrap().to_vec(), body);
    home.assert_tidy();
}

#[tokio::test]
async fn conditions_on_writes() {
    let home = Home::new().await;
    let put = |key: &'static str| {
        home.client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(stream(b"new"))
    };
    put("k").if_none_match("*").send().await.unwrap();
    assert_eq!(
        refusal(put("k").if_none_match("*").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(
        refusal(put("k").if_none_match("\"tag\"").send().await),
        (501, "NotImplemented".into())
    );
    assert_eq!(
        refusal(put("k").if_match("\"tag\"").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(
        refusal(put("no").if_match("\"tag\"").send().await),
        (404, "NoSuchKey".into())
    );
    let tag = home
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap()
        .e_tag()
        .unwrap()
        .to_owned();
    put("k").if_match(&tag).send().await.unwrap();
    let delete = |tag: &str| {
        home.client
            .delete_object()
            .bucket(BUCKET)
            .key("k")
            .if_match(tag)
            .send()
    };
    assert_eq!(
        refusal(delete("\"other\"").await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(home.keys().await, ["k"]);
    delete(&tag).await.unwrap();
    assert_eq!(refusal(delete(&tag).await), (404, "NoSuchKey".into()));
    home.client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    home.assert_tidy();
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let home = Home::new().await;
    for key in ["a", "b", "c"] {
        home.put(key, b"x").await;
    }
    let ids = |keys: &[&str]| {
        keys.iter()
            .map(|key| ObjectIdentifier::builder().key(*key).build().unwrap())
            .collect::<Vec<_>>()
    };
    let many = Delete::builder()
        .set_objects(Some(ids(&["a", "no"])))
        .build()
        .unwrap();
    let answer = home
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(many)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.deleted().len(), 2);
    let many = Delete::builder()
        .set_objects(Some(ids(&["b"])))
        .quiet(true)
        .build()
        .unwrap();
    let answer = home
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(many)
        .send()
        .await
        .unwrap();
    assert_eq!((answer.deleted().len(), answer.errors().len()), (0, 0));
    let many = Delete::builder()
        .set_objects(Some(ids(&["c"; 1001])))
        .build()
        .unwrap();
    assert_eq!(
        refusal(
            home.client
                .delete_objects()
                .bucket(BUCKET)
                .delete(many)
                .send()
                .await
        ),
        (400, "MalformedXML".into())
    );
    assert_eq!(home.keys().await, ["c"]);
    home.assert_tidy();
}

#[tokio::test]
async fn copies() {
    let home = Home::new().await;
    let put = home
        .client
        .put_object()
        .bucket(BUCKET)
        .key("dir/k ö")
        .body(stream(b"hello"))
        .metadata("m", "1")
        .content_type("text/x");
    put.storage_class(StorageClass::StandardIa)
        .tagging("t=1")
        .send()
        .await
        .unwrap();
    let from = "Any%20Name/dir/k%20%C3%B6";
    home.client
        .copy_object()
        .bucket(BUCKET)
        .key("copy")
        .copy_source(from)
        .send()
        .await
        .unwrap();
    let copy = home.record("copy").unwrap();
    assert_eq!(home.body("copy"), b"hello");
    assert_eq!(
        (
            copy.description.class.as_str(),
            copy.description.metadata["m"].as_str(),
            copy.description.tags.len()
        ),
        ("STANDARD", "1", 1)
    );
    assert_eq!(copy.etag, home.record("dir/k ö").unwrap().etag);
    let own = |class: Option<StorageClass>| {
        home.client
            .copy_object()
            .bucket(BUCKET)
            .key("dir/k ö")
            .copy_source(from)
            .set_storage_class(class)
    };
    assert_eq!(
        refusal(own(Some(StorageClass::StandardIa)).send().await),
        (400, "InvalidRequest".into())
    );
    own(None).send().await.unwrap();
    assert_eq!(
        home.record("dir/k ö").unwrap().description.class,
        "STANDARD"
    );
    own(None)
        .metadata_directive(MetadataDirective::Replace)
        .metadata("m", "2")
        .send()
        .await
        .unwrap();
    let record = home.record("dir/k ö").unwrap();
    assert_eq!(
        (
            record.description.metadata["m"].as_str(),
            record.description.headers.get("content-type")
        ),
        ("2", None)
    );
    assert_eq!(home.get("dir/k ö").await, b"hello");
    assert_eq!(
        refusal(
            home.client
                .copy_object()
                .bucket(BUCKET)
                .key("c")
                .copy_source("Any%20Name/no")
                .send()
                .await
        ),
        (404, "NoSuchKey".into())
    );
    assert_eq!(
        refusal(
            home.client
                .copy_object()
                .bucket(BUCKET)
                .key("copy")
                .copy_source(from)
                .if_none_match("*")
                .send()
                .await
        ),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(
        refusal(
            home.client
                .copy_object()
                .bucket(BUCKET)
                .key("c")
                .copy_source(from)
                .copy_source_if_match("\"x\"")
                .send()
                .await
        ),
        (412, "PreconditionFailed".into())
    );
    home.assert_tidy();
}

#[tokio::test]
async fn listings_by_page_and_by_prefix() {
    let home = Home::new().await;
    for key in ["a", "b/1", "b/2", "b/c/3", "b0", "c/"] {
        home.put(key, b"x").await;
    }
    let list = || home.client.list_objects_v2().bucket(BUCKET);
    let mut token = None;
    let mut seen = Vec::new();
    loop {
        let page = list()
            .max_keys(2)
            .delimiter("/")
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        seen.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
        seen.extend(
            page.common_prefixes()
                .iter()
                .map(|prefix| prefix.prefix().unwrap().to_owned()),
        );
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(token.is_some(), page.is_truncated().unwrap());
        if token.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["a", "b/", "b0", "c/"]);
    let page = list()
        .prefix("b/")
        .delimiter("/")
        .start_after("b/1")
        .send()
        .await
        .unwrap();
    assert_eq!(page.contents()[0].key(), Some("b/2"));
    assert_eq!(page.common_prefixes()[0].prefix(), Some("b/c/"));
    assert_eq!(
        list().max_keys(5000).send().await.unwrap().max_keys(),
        Some(1000)
    );
    assert_eq!(
        list().max_keys(0).send().await.unwrap().key_count(),
        Some(0)
    );
    assert_eq!(
        refusal(list().continuation_token("zz").send().await),
        (400, "InvalidArgument".into())
    );
    let old = home
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .max_keys(2)
        .send()
        .await
        .unwrap();
    assert_eq!(old.next_marker(), Some("b/"));
    let old = home
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .marker("b/")
        .send()
        .await
        .unwrap();
    assert_eq!(old.contents()[0].key(), Some("b0"));
}

#[tokio::test]
async fn archives_thaw() {
    for (thaw, looks) in [
        (Thaw::Instant, 0),
        (Thaw::AfterLooks(2), 2),
        (Thaw::After(std::time::Duration::ZERO), 0),
    ] {
        let home = Home::with(Options { thaw }).await;
        home.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .storage_class(StorageClass::Glacier)
            .body(stream(b"cold"))
            .send()
            .await
            .unwrap();
        let get = || home.client.get_object().bucket(BUCKET).key("k").send();
        let restore = || {
            home.client
                .restore_object()
                .bucket(BUCKET)
                .key("k")
                .restore_request(RestoreRequest::builder().days(2).build())
                .send()
        };
        let head = || async {
            home.client
                .head_object()
                .bucket(BUCKET)
                .key("k")
                .send()
                .await
                .unwrap()
                .restore()
                .map(str::to_owned)
        };
        assert_eq!(refusal(get().await), (403, "InvalidObjectState".into()));
        assert_eq!(head().await, None);
        restore().await.unwrap();
        for _ in 0..looks {
            assert_eq!(
                refusal(restore().await),
                (409, "RestoreAlreadyInProgress".into())
            );
            assert_eq!(refusal(get().await), (403, "InvalidObjectState".into()));
            assert_eq!(head().await.unwrap(), "ongoing-request=\"true\"");
        }
        assert!(
            head()
                .await
                .unwrap()
                .starts_with("ongoing-request=\"false\", expiry-date=\"")
        );
        assert_eq!(
            get().await.unwrap().body.collect().await.unwrap().to_vec(),
            b"cold"
        );
        restore().await.unwrap();
    }
    let home = Home::new().await;
    home.put("warm", b"x").await;
    let days = RestoreRequest::builder().days(2).build();
    assert_eq!(
        refusal(
            home.client
                .restore_object()
                .bucket(BUCKET)
                .key("warm")
                .restore_request(days)
                .send()
                .await
        ),
        (403, "InvalidObjectState".into())
    );
}

#[tokio::test]
async fn documents_of_objects_and_buckets() {
    let home = Home::new().await;
    home.put("k", b"x").await;
    let c = &home.client;
    let tags = |pairs: &[(&str, &str)]| {
        let set = pairs
            .iter()
            .map(|(key, value)| Tag::builder().key(*key).value(*value).build().unwrap())
            .collect();
        Tagging::builder().set_tag_set(Some(set)).build().unwrap()
    };
    c.put_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .tagging(tags(&[("a", "1"), ("b", "2")]))
        .send()
        .await
        .unwrap();
    assert_eq!(
        c.get_object_tagging()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap()
            .tag_set()
            .len(),
        2
    );
    assert_eq!(
        refusal(
            c.put_object_tagging()
                .bucket(BUCKET)
                .key("k")
                .tagging(tags(&[("a", "1"), ("a", "2")]))
                .send()
                .await
        ),
        (400, "InvalidTag".into())
    );
    c.delete_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(home.record("k").unwrap().description.tags, []);

    let acl = c
        .get_object_acl()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(acl.grants()[0].permission(), Some(&Permission::FullControl));
    let reader = Grant::builder()
        .permission(Permission::Read)
        .grantee(
            Grantee::builder()
                .r#type(Type::CanonicalUser)
                .id("other")
                .build()
                .unwrap(),
        )
        .build();
    let policy = AccessControlPolicy::builder()
        .owner(acl.owner().unwrap().clone())
        .grants(acl.grants()[0].clone())
        .grants(reader)
        .build();
    c.put_object_acl()
        .bucket(BUCKET)
        .key("k")
        .access_control_policy(policy.clone())
        .send()
        .await
        .unwrap();
    let again = c
        .get_object_acl()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(again.grants(), policy.grants());
    c.put_bucket_acl()
        .bucket(BUCKET)
        .access_control_policy(policy.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(
        c.get_bucket_acl()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .grants(),
        policy.grants()
    );

    assert_eq!(
        refusal(
            c.get_bucket_lifecycle_configuration()
                .bucket(BUCKET)
                .send()
                .await
        ),
        (404, "NoSuchLifecycleConfiguration".into())
    );
    let rule = LifecycleRule::builder()
        .id("abort")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(7)
                .build(),
        )
        .build()
        .unwrap();
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule.clone())
        .build()
        .unwrap();
    c.put_bucket_lifecycle_configuration()
        .bucket(BUCKET)
        .lifecycle_configuration(rules)
        .send()
        .await
        .unwrap();
    assert_eq!(
        c.get_bucket_lifecycle_configuration()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .rules(),
        [rule]
    );
    assert!(
        std::fs::read_to_string(home.inner("lifecycle.xml"))
            .unwrap()
            .contains("<DaysAfterInitiation>7<")
    );
    c.delete_bucket_lifecycle()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(
            c.get_bucket_lifecycle_configuration()
                .bucket(BUCKET)
                .send()
                .await
        )
        .0,
        404
    );

    assert_eq!(
        refusal(c.get_public_access_block().bucket(BUCKET).send().await),
        (404, "NoSuchPublicAccessBlockConfiguration".into())
    );
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .build();
    c.put_public_access_block()
        .bucket(BUCKET)
        .public_access_block_configuration(block)
        .send()
        .await
        .unwrap();
    let found = c
        .get_public_access_block()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(
        found
            .public_access_block_configuration()
            .unwrap()
            .block_public_acls(),
        Some(true)
    );
    assert_eq!(
        c.get_bucket_versioning()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .status(),
        None
    );
    c.get_bucket_location().bucket(BUCKET).send().await.unwrap();
}

#[tokio::test]
async fn buckets() {
    let home = Home::new().await;
    let c = &home.client;
    assert_eq!(
        refusal(c.create_bucket().bucket(BUCKET).send().await),
        (409, "BucketAlreadyOwnedByYou".into())
    );
    std::fs::create_dir(home.dir.path().join("not-one")).unwrap();
    c.create_bucket().bucket("second").send().await.unwrap();
    let listed = c.list_buckets().send().await.unwrap();
    assert_eq!(
        listed
            .buckets()
            .iter()
            .map(|bucket| bucket.name().unwrap())
            .collect::<Vec<_>>(),
        [BUCKET, "second"]
    );
    assert!(
        c.head_bucket()
            .bucket("not-one")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    c.head_bucket().bucket("second").send().await.unwrap();
    home.put("k", b"x").await;
    assert_eq!(
        refusal(c.delete_bucket().bucket(BUCKET).send().await),
        (409, "BucketNotEmpty".into())
    );
    assert_eq!(home.get("k").await, b"x");
    let upload = c
        .create_multipart_upload()
        .bucket("second")
        .key("u")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(c.delete_bucket().bucket("second").send().await),
        (409, "BucketNotEmpty".into())
    );
    c.abort_multipart_upload()
        .bucket("second")
        .key("u")
        .upload_id(upload.upload_id().unwrap())
        .send()
        .await
        .unwrap();
    c.delete_bucket().bucket("second").send().await.unwrap();
    assert_eq!(names(home.dir.path()), [BUCKET, "not-one"]);
    std::fs::write(home.inner("format"), "s3pipes-store/2\n").unwrap();
    assert_eq!(
        refusal(c.get_object().bucket(BUCKET).key("k").send().await).0,
        507
    );
}

#[tokio::test]
async fn any_directory_name_is_a_bucket_name() {
    let home = Home::new().await;
    for name in [
        "a",
        "UPPER_case",
        "with:colon",
        "bücher",
        "100%",
        "a+b",
        "q?x#y",
        "192.168.0.1",
        "-",
        "...",
        &"n".repeat(255),
    ] {
        home.client
            .create_bucket()
            .bucket(name)
            .send()
            .await
            .unwrap();
        home.client
            .put_object()
            .bucket(name)
            .key("k ö")
            .body(stream(b"x"))
            .send()
            .await
            .unwrap();
        assert_eq!(
            std::fs::read(home.dir.path().join(name).join("k ö")).unwrap(),
            b"x",
            "{name}"
        );
        let page = home
            .client
            .list_objects_v2()
            .bucket(name)
            .send()
            .await
            .unwrap();
        assert_eq!(page.contents()[0].key(), Some("k ö"));
    }
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
