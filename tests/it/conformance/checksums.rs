//! Checksums: what is sent is verified before anything changes, and what is stored is told.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedPart};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::prelude::{BASE64_STANDARD, Engine};
use crcs::CrcAlgorithm;

use super::Outcome;
use super::answers::{Answer, demand, pattern, same, same_bytes};
use super::store::Room;
use super::upload::{MIN_PART, Upload};

/// `hello`, and what it comes to.
const HELLO: &[u8] = b"hello";
const HELLO_MD5: &str = "XUFAKrxLKna5cZ2REBfFkg==";
const HELLO_SHA1: &str = "qvTGHdzF6KLavt4PO0gs2a6pQ00=";
const HELLO_SHA256: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

/// The code of a body that isn't what its checksum says.
const DAMAGED: &[&str] = &["BadDigest"];

/// A CRC as S3 writes it: big endian, base64.
pub fn crc64nvme(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(crcs::checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes())
}

fn crc32(algorithm: CrcAlgorithm, bytes: &[u8]) -> String {
    let crc = u32::try_from(crcs::checksum(algorithm, bytes)).expect("32 bits");
    BASE64_STANDARD.encode(crc.to_be_bytes())
}

fn put(room: &Room) -> PutObjectFluentBuilder {
    room.client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .body(HELLO.to_vec().into())
}

pub async fn right_checksums_accepted(room: Room) -> Outcome {
    put(&room)
        .content_md5(HELLO_MD5)
        .send()
        .await
        .done("Content-MD5")?;
    put(&room)
        .checksum_sha1(HELLO_SHA1)
        .send()
        .await
        .done("sha1")?;
    put(&room)
        .checksum_sha256(HELLO_SHA256)
        .send()
        .await
        .done("sha256")?;
    put(&room)
        .checksum_crc32(crc32(CrcAlgorithm::Crc32IsoHdlc, HELLO))
        .send()
        .await
        .done("crc32")?;
    put(&room)
        .checksum_crc32_c(crc32(CrcAlgorithm::Crc32Iscsi, HELLO))
        .send()
        .await
        .done("crc32c")?;
    put(&room)
        .checksum_crc64_nvme(crc64nvme(HELLO))
        .send()
        .await
        .done("crc64nvme")?;
    same_bytes("get", &room.get("a").await?, HELLO)
}

/// A put with something wrong about it must be refused, and must change nothing.
async fn refused(
    room: &Room,
    spoil: fn(PutObjectFluentBuilder) -> PutObjectFluentBuilder,
    codes: &[&str],
) -> Outcome {
    spoil(put(room))
        .send()
        .await
        .refused("put to a new key", 400, codes)?;
    demand!(!room.has("a").await?, "an object appeared");
    let old = room.put("a", "old").await?;
    spoil(put(room))
        .send()
        .await
        .refused("put to an old key", 400, codes)?;
    same_bytes("the old object", &room.get("a").await?, b"old")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .if_match(old)
        .send()
        .await;
    head.done("head of the old version").map(drop)
}

pub async fn wrong_content_md5_refused(room: Room) -> Outcome {
    refused(
        &room,
        |put| put.content_md5("AAAAAAAAAAAAAAAAAAAAAA=="),
        DAMAGED,
    )
    .await
}

pub async fn malformed_content_md5_refused(room: Room) -> Outcome {
    refused(&room, |put| put.content_md5("hello"), &["InvalidDigest"]).await
}

pub async fn wrong_crc32_refused(room: Room) -> Outcome {
    refused(&room, |put| put.checksum_crc32("AAAAAA=="), DAMAGED).await
}

pub async fn wrong_crc32c_refused(room: Room) -> Outcome {
    refused(&room, |put| put.checksum_crc32_c("AAAAAA=="), DAMAGED).await
}

pub async fn wrong_crc64nvme_refused(room: Room) -> Outcome {
    refused(
        &room,
        |put| put.checksum_crc64_nvme("AAAAAAAAAAA="),
        DAMAGED,
    )
    .await
}

pub async fn wrong_sha1_refused(room: Room) -> Outcome {
    refused(
        &room,
        |put| put.checksum_sha1("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        DAMAGED,
    )
    .await
}

pub async fn wrong_sha256_refused(room: Room) -> Outcome {
    refused(
        &room,
        |put| put.checksum_sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        DAMAGED,
    )
    .await
}

/// A refused part must not take the place of the one that was there.
async fn part_refused<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
    upload: &Upload<'_>,
    room: &Room,
    spoiled: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Outcome {
    let part = upload.part(1, "good").await?;
    spoiled.await.refused("a damaged part", 400, DAMAGED)?;
    upload.finish([part]).await?;
    same_bytes("get", &room.get("a").await?, b"good")
}

pub async fn wrong_part_content_md5_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let spoiled = upload
        .request(1, HELLO)
        .content_md5("AAAAAAAAAAAAAAAAAAAAAA==")
        .send();
    part_refused(&upload, &room, spoiled).await
}

pub async fn wrong_part_crc64nvme_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let spoiled = upload
        .request(1, HELLO)
        .checksum_crc64_nvme("AAAAAAAAAAA=")
        .send();
    part_refused(&upload, &room, spoiled).await
}

pub async fn sent_checksum_is_told(room: Room) -> Outcome {
    let head = || {
        let head = room
            .client
            .head_object()
            .bucket(&room.bucket)
            .key(room.key("a"));
        head.checksum_mode(ChecksumMode::Enabled).send()
    };
    put(&room)
        .checksum_crc64_nvme(crc64nvme(HELLO))
        .send()
        .await
        .done("put with crc64nvme")?;
    let told = head().await.done("head")?;
    same(
        "crc64nvme by HEAD",
        told.checksum_crc64_nvme(),
        Some(crc64nvme(HELLO).as_str()),
    )?;
    same(
        "checksum type",
        told.checksum_type(),
        Some(&ChecksumType::FullObject),
    )?;
    let get = room
        .client
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .checksum_mode(ChecksumMode::Enabled);
    let told = get.send().await.done("get")?;
    same(
        "crc64nvme by GET",
        told.checksum_crc64_nvme(),
        Some(crc64nvme(HELLO).as_str()),
    )?;
    put(&room)
        .checksum_sha256(HELLO_SHA256)
        .send()
        .await
        .done("put with sha256")?;
    same(
        "sha256 by HEAD",
        head().await.done("head")?.checksum_sha256(),
        Some(HELLO_SHA256),
    )
}

pub async fn unsent_checksum_is_crc64nvme(room: Room) -> Outcome {
    put(&room).send().await.done("put without a checksum")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .checksum_mode(ChecksumMode::Enabled);
    let told = head.send().await.done("head")?;
    same(
        "crc64nvme",
        told.checksum_crc64_nvme(),
        Some(crc64nvme(HELLO).as_str()),
    )
}

/// What the SDK does by itself with a body that it can't read twice: a checksum after the body.
pub async fn trailing_checksum_accepted(room: Room) -> Outcome {
    let folder = tests::scratch::folder();
    let file = folder.path().join("body");
    let bytes = pattern(9, 200_000);
    std::fs::write(&file, &bytes).map_err(|error| format!("write a file: {error}"))?;
    let body = ByteStream::read_from()
        .path(&file)
        .build()
        .await
        .map_err(|error| format!("read a file: {error}"))?;
    let client = room.store.client_with_default_checksums();
    let put = client.put_object().bucket(&room.bucket).key(room.key("a"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .body(body)
        .send()
        .await
        .done("put with a trailer")?;
    same_bytes("get", &room.get("a").await?, &bytes)?;
    // The framing of the request is no property of the object.
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    demand!(
        head.content_encoding().is_none_or(str::is_empty),
        "Content-Encoding is {:?}",
        head.content_encoding()
    );
    Ok(())
}

/// An upload of two parts whose whole has a CRC-64/NVME: the upload, its parts, the bytes.
async fn whole(room: &Room) -> Result<(Upload<'_>, Vec<CompletedPart>, Vec<u8>), String> {
    let upload = Upload::start_with(room, "a", |create| {
        create
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
    })
    .await?;
    let bytes = pattern(5, MIN_PART + 1000);
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(bytes.chunks(MIN_PART)) {
        let crc = crc64nvme(piece);
        let answer = upload
            .request(number, piece)
            .checksum_crc64_nvme(&crc)
            .send()
            .await
            .done("upload a part")?;
        let etag = answer.e_tag().unwrap_or_default();
        parts.push(
            CompletedPart::builder()
                .part_number(number)
                .e_tag(etag)
                .checksum_crc64_nvme(crc)
                .build(),
        );
    }
    Ok((upload, parts, bytes))
}

pub async fn right_whole_crc64nvme_accepted(room: Room) -> Outcome {
    let (upload, parts, bytes) = whole(&room).await?;
    let complete = upload
        .complete(parts)
        .checksum_crc64_nvme(crc64nvme(&bytes))
        .checksum_type(ChecksumType::FullObject);
    let complete = complete.mpu_object_size(i64::try_from(bytes.len()).expect("a small object"));
    complete.send().await.done("complete")?;
    same_bytes("get", &room.get("a").await?, &bytes)
}

pub async fn whole_crc64nvme_is_told(room: Room) -> Outcome {
    let (upload, parts, bytes) = whole(&room).await?;
    let complete = upload
        .complete(parts)
        .checksum_crc64_nvme(crc64nvme(&bytes))
        .checksum_type(ChecksumType::FullObject);
    let reply = complete.send().await.done("complete")?;
    same(
        "crc64nvme in the reply",
        reply.checksum_crc64_nvme(),
        Some(crc64nvme(&bytes).as_str()),
    )?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .checksum_mode(ChecksumMode::Enabled);
    let told = head.send().await.done("head")?;
    same(
        "crc64nvme by HEAD",
        told.checksum_crc64_nvme(),
        Some(crc64nvme(&bytes).as_str()),
    )?;
    same(
        "checksum type",
        told.checksum_type(),
        Some(&ChecksumType::FullObject),
    )
}

pub async fn wrong_whole_crc64nvme_refused(room: Room) -> Outcome {
    let (upload, parts, _) = whole(&room).await?;
    let complete = upload
        .complete(parts)
        .checksum_crc64_nvme("AAAAAAAAAAA=")
        .checksum_type(ChecksumType::FullObject);
    complete.send().await.refused("complete", 400, DAMAGED)?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

pub async fn wrong_whole_size_refused(room: Room) -> Outcome {
    let (upload, parts, _) = whole(&room).await?;
    upload
        .complete(parts)
        .mpu_object_size(17)
        .send()
        .await
        .refused("complete", 400, &["InvalidRequest"])?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}
