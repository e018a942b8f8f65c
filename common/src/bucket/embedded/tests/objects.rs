//! Objects: what was said of them, checksums, conditions, copies, archives.

use aws_sdk_s3::types::*;

use super::super::{Options, Thaw};
use super::*;

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
async fn archives_thaw() {
    for (thaw, looks) in [
        (Thaw::Instant, 0),
        (Thaw::AfterLooks(2), 2),
        (Thaw::After(std::time::Duration::ZERO), 0),
    ] {
        let home = Home::with(Options {
            thaw,
            ..Options::default()
        })
        .await;
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
