//! Parts and uploads looked at: lists, copies into parts, parts of finished objects.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::upload_part_copy::builders::UploadPartCopyFluentBuilder;
use aws_sdk_s3::operation::upload_part_copy::{UploadPartCopyError, UploadPartCopyOutput};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedPart, CopyPartResult, GetObjectAttributesParts,
    ObjectAttributes,
};

use super::Outcome;
use super::answers::{Answer, bare, body, demand, pattern, same, same_bytes};
use super::store::Room;
use super::upload::{MIN_PART, Upload, part};

pub async fn list_parts_in_order(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let mut etags = Vec::new();
    for number in [9, 1, 10, 5] {
        let sent = upload
            .part(number, pattern(1, usize::try_from(number).unwrap() * 100))
            .await?;
        etags.push((number, bare(sent.e_tag()).to_owned()));
    }
    etags.sort();
    let list = room
        .client
        .list_parts()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .upload_id(&upload.id);
    let list = list.send().await.done("list parts")?;
    let listed: Vec<(i32, String)> = list
        .parts()
        .iter()
        .map(|part| {
            (
                part.part_number().unwrap_or_default(),
                bare(part.e_tag()).to_owned(),
            )
        })
        .collect();
    same("parts and their ETags", listed, etags)?;
    for part in list.parts() {
        same(
            "size",
            part.size(),
            part.part_number().map(|number| i64::from(number) * 100),
        )?;
    }
    Ok(())
}

pub async fn list_parts_paged(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    for number in [1, 2, 3, 9, 10] {
        upload.part(number, "x").await?;
    }
    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let list = room
            .client
            .list_parts()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .upload_id(&upload.id)
            .max_parts(2);
        let page = list
            .set_part_number_marker(marker)
            .send()
            .await
            .done("list parts")?;
        demand!(
            page.parts().len() <= 2,
            "a page of {} parts, not 2",
            page.parts().len()
        );
        seen.extend(
            page.parts()
                .iter()
                .filter_map(aws_sdk_s3::types::Part::part_number),
        );
        demand!(seen.len() <= 5, "the pages repeat themselves: {seen:?}");
        if page.is_truncated() != Some(true) {
            break;
        }
        marker = page.next_part_number_marker().map(str::to_owned);
    }
    same("parts", seen, [1, 2, 3, 9, 10])
}

pub async fn list_uploads(room: Room) -> Outcome {
    let one = Upload::start(&room, "one").await?;
    let two = Upload::start(&room, "two/x").await?;
    let again = Upload::start(&room, "two/x").await?;
    let uploads = |prefix: &str| {
        let list = room
            .client
            .list_multipart_uploads()
            .bucket(&room.bucket)
            .prefix(prefix)
            .send();
        async {
            let page = list.await.done("list uploads")?;
            for upload in page.uploads() {
                demand!(upload.initiated().is_some(), "an upload has no date");
            }
            let named = |upload: &aws_sdk_s3::types::MultipartUpload| {
                (
                    upload.key().unwrap_or_default().to_owned(),
                    upload.upload_id().unwrap_or_default().to_owned(),
                )
            };
            let mut found: Vec<(String, String)> = page.uploads().iter().map(named).collect();
            found.sort();
            Ok::<_, String>(found)
        }
    };
    let mut twice = vec![
        ("two/x".to_owned(), two.id.clone()),
        ("two/x".to_owned(), again.id.clone()),
    ];
    twice.sort();
    let mut all = vec![("one".to_owned(), one.id.clone())];
    all.extend(twice.clone());
    same("uploads", uploads("").await?, all)?;
    same("uploads of a prefix", uploads("two/").await?, twice)?;
    one.abort().await?;
    two.abort().await?;
    let part = again.part(1, "x").await?;
    again.finish([part]).await?;
    same("uploads after their end", uploads("").await?, Vec::new())
}

pub async fn list_uploads_paged(room: Room) -> Outcome {
    let mut wanted = Vec::new();
    for name in ["b", "a", "c", "a", "a"] {
        let upload = Upload::start(&room, name).await?;
        wanted.push((name.to_owned(), upload.id.clone()));
    }
    let mut seen = Vec::new();
    let (mut key, mut id) = (None, None);
    loop {
        let list = room
            .client
            .list_multipart_uploads()
            .bucket(&room.bucket)
            .max_uploads(2);
        let page = list
            .set_key_marker(key)
            .set_upload_id_marker(id)
            .send()
            .await
            .done("list uploads")?;
        demand!(
            page.uploads().len() <= 2,
            "a page of {} uploads, not 2",
            page.uploads().len()
        );
        for upload in page.uploads() {
            let name = upload.key().unwrap_or_default().to_owned();
            seen.push((name, upload.upload_id().unwrap_or_default().to_owned()));
        }
        demand!(seen.len() <= wanted.len(), "the pages repeat themselves");
        if page.is_truncated() != Some(true) {
            break;
        }
        (key, id) = (
            page.next_key_marker().map(str::to_owned),
            page.next_upload_id_marker().map(str::to_owned),
        );
    }
    let keys: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    same("keys in order", keys, ["a", "a", "a", "b", "c"])?;
    wanted.sort();
    seen.sort();
    same("uploads", seen, wanted)
}

pub async fn part_copied(room: Room) -> Outcome {
    let bytes = pattern(1, MIN_PART + 77);
    room.put("source", bytes.clone()).await?;
    let upload = Upload::start(&room, "a").await?;
    let copied = copy_part(&room, &upload, 1, None).await?;
    let tail = upload.part(2, "tail").await?;
    upload.finish([copied, tail]).await?;
    same_bytes(
        "get",
        &room.get("a").await?,
        &[&bytes[..], b"tail"].concat(),
    )
}

pub async fn part_copied_from_range(room: Room) -> Outcome {
    let bytes = pattern(2, MIN_PART + 1000);
    room.put("source", bytes.clone()).await?;
    let upload = Upload::start(&room, "a").await?;
    let last = i64::try_from(MIN_PART).unwrap() + 99;
    let copied = copy_part(&room, &upload, 1, Some(format!("bytes=100-{last}"))).await?;
    let tail = copy_part(&room, &upload, 2, Some("bytes=0-9".to_owned())).await?;
    upload.finish([copied, tail]).await?;
    same_bytes(
        "get",
        &room.get("a").await?,
        &[&bytes[100..MIN_PART + 100], &bytes[..10]].concat(),
    )
}

/// A request to copy from `source` into part `number`.
fn copy(room: &Room, upload: &Upload<'_>, number: i32) -> UploadPartCopyFluentBuilder {
    room.client
        .upload_part_copy()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .upload_id(&upload.id)
        .part_number(number)
        .copy_source(format!("{}/{}", room.bucket, room.key("source")))
}

/// Sends it. The SDK doesn't say that a copy has no body, and Ceph wants to hear it; so our tools say it.
async fn send(
    copy: UploadPartCopyFluentBuilder,
) -> Result<UploadPartCopyOutput, SdkError<UploadPartCopyError, HttpResponse>> {
    let empty = copy.customize().mutate_request(|request| {
        request.headers_mut().insert("content-length", "0");
    });
    empty.send().await
}

/// The part that a copy became.
fn copied(number: i32, answer: &UploadPartCopyOutput) -> Result<CompletedPart, String> {
    let etag = answer
        .copy_part_result()
        .and_then(CopyPartResult::e_tag)
        .ok_or("the copied part has no ETag")?;
    Ok(part(number, etag))
}

async fn copy_part(
    room: &Room,
    upload: &Upload<'_>,
    number: i32,
    range: Option<String>,
) -> Result<CompletedPart, String> {
    let copy = copy(room, upload, number).set_copy_source_range(range);
    let answer = send(copy).await.done("copy into a part")?;
    copied(number, &answer)
}

pub async fn part_copied_if_match(room: Room) -> Outcome {
    let bytes = pattern(2, 1000);
    let etag = room.put("source", bytes.clone()).await?;
    let upload = Upload::start(&room, "a").await?;
    let tied = || {
        copy(&room, &upload, 1)
            .copy_source_range("bytes=100-999")
            .copy_source_if_match(&etag)
    };
    let answer = send(tied()).await.done("copy from what was seen")?;
    room.put("source", pattern(3, 1000)).await?;
    send(tied())
        .await
        .refused("copy from what is gone", 412, &["PreconditionFailed"])?;
    upload.finish([copied(1, &answer)?]).await?;
    same_bytes("get", &room.get("a").await?, &bytes[100..])
}

/// In an upload whose object is to have one.
pub async fn part_copy_tells_crc64nvme(room: Room) -> Outcome {
    room.put("source", "0123456789").await?;
    let upload = Upload::start_with(&room, "a", |create| {
        create
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
    })
    .await?;
    let copy = copy(&room, &upload, 1).copy_source_range("bytes=1-9");
    let answer = send(copy).await.done("copy into a part")?;
    let told = answer
        .copy_part_result()
        .and_then(CopyPartResult::checksum_crc64_nvme);
    // The check value in the catalogue of CRC algorithms.
    same("crc64nvme", told, Some("rosUhgp5mIg="))
}

/// Puts an object of three parts, with gaps between their numbers.
async fn object_of_parts(room: &Room) -> Result<Vec<u8>, String> {
    let bytes = pattern(3, 2 * MIN_PART + 500);
    let upload = Upload::start(room, "a").await?;
    let mut parts = Vec::new();
    for (number, piece) in [1, 2, 3].into_iter().zip(bytes.chunks(MIN_PART)) {
        parts.push(upload.part(number, piece).await?);
    }
    upload.finish(parts).await?;
    Ok(bytes)
}

pub async fn get_by_part_number(room: Room) -> Outcome {
    let bytes = object_of_parts(&room).await?;
    for (number, piece) in [1, 2, 3].into_iter().zip(bytes.chunks(MIN_PART)) {
        let get = room
            .client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .part_number(number);
        let got = get.send().await.done("get a part")?;
        same("number of parts", got.parts_count(), Some(3))?;
        same_bytes("a part", &body(got.body).await?, piece)?;
    }
    let get = room
        .client
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .part_number(4);
    get.send()
        .await
        .refused("part 4 of 3", 416, &["InvalidPartNumber", "InvalidRange"])
}

pub async fn attributes_of_object(room: Room) -> Outcome {
    let etag = room.put("a", "hello").await?;
    let ask = room
        .client
        .get_object_attributes()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let ask = ask
        .object_attributes(ObjectAttributes::Etag)
        .object_attributes(ObjectAttributes::ObjectSize);
    let told = ask
        .object_attributes(ObjectAttributes::StorageClass)
        .send()
        .await
        .done("ask for attributes")?;
    same("ETag", bare(told.e_tag()), bare(Some(&etag)))?;
    same("size", told.object_size(), Some(5))?;
    let class = told
        .storage_class()
        .map(aws_sdk_s3::types::StorageClass::as_str);
    demand!(
        class.is_none_or(|class| class == "STANDARD"),
        "the class is {class:?}"
    );
    let none = room
        .client
        .get_object_attributes()
        .bucket(&room.bucket)
        .key(room.key("none"));
    let none = none.object_attributes(ObjectAttributes::Etag);
    none.send()
        .await
        .refused("attributes of a missing object", 404, &["NoSuchKey"])
}

pub async fn attributes_of_parts(room: Room) -> Outcome {
    object_of_parts(&room).await?;
    let ask = room
        .client
        .get_object_attributes()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let told = ask
        .object_attributes(ObjectAttributes::ObjectParts)
        .send()
        .await
        .done("ask for attributes")?;
    same(
        "number of parts",
        told.object_parts()
            .and_then(GetObjectAttributesParts::total_parts_count),
        Some(3),
    )
}
