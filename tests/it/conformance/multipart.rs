//! Multipart uploads: what makes an object, and what is refused.

use super::Outcome;
use super::answers::{Answer, bare, demand, pattern, same, same_bytes};
use super::store::Room;
use super::upload::{MIN_PART, Upload, part};

pub async fn three_parts(room: Room) -> Outcome {
    let bytes = pattern(1, 2 * MIN_PART + 1234);
    let upload = Upload::start(&room, "a").await?;
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(bytes.chunks(MIN_PART)) {
        parts.push(upload.part(number, piece).await?);
    }
    upload.finish(parts).await?;
    same_bytes("get", &room.get("a").await?, &bytes)?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    demand!(
        bare(head.e_tag()).ends_with("-3"),
        "the ETag {:?} doesn't tell the number of parts",
        head.e_tag()
    );
    same(
        "length",
        head.content_length(),
        Some(i64::try_from(bytes.len()).unwrap()),
    )
}

pub async fn invisible_until_complete(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, "new").await?;
    demand!(!room.has("a").await?, "visible before Complete");
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .prefix(room.key(""))
        .send()
        .await
        .done("list")?;
    same("objects listed", list.contents().len(), 0)?;
    room.put("a", "old").await?;
    same_bytes("get before Complete", &room.get("a").await?, b"old")?;
    upload.finish([first]).await?;
    same_bytes("get after Complete", &room.get("a").await?, b"new")
}

pub async fn parts_out_of_order(room: Room) -> Outcome {
    let bytes = pattern(2, 2 * MIN_PART + 99);
    let pieces: Vec<&[u8]> = bytes.chunks(MIN_PART).collect();
    let upload = Upload::start(&room, "a").await?;
    let third = upload.part(3, pieces[2]).await?;
    let first = upload.part(1, pieces[0]).await?;
    let second = upload.part(2, pieces[1]).await?;
    upload.finish([first, second, third]).await?;
    same_bytes("get", &room.get("a").await?, &bytes)
}

pub async fn part_numbers_with_gaps(room: Room) -> Outcome {
    let bytes = pattern(3, MIN_PART + 5);
    let upload = Upload::start(&room, "a").await?;
    let seventh = upload.part(7, &bytes[MIN_PART..]).await?;
    let second = upload.part(2, &bytes[..MIN_PART]).await?;
    upload.finish([second, seventh]).await?;
    same_bytes("get", &room.get("a").await?, &bytes)
}

/// The last upload of a part counts, whatever its size.
pub async fn part_uploaded_again(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let old = upload.part(1, pattern(4, MIN_PART + 7)).await?;
    let second = upload.part(2, "tail").await?;
    let new = upload.part(1, pattern(5, MIN_PART)).await?;
    demand!(old.e_tag() != new.e_tag(), "other bytes have the same ETag");
    upload
        .complete([old, second.clone()])
        .send()
        .await
        .refused("complete with the first upload", 400, &["InvalidPart"])?;
    upload.finish([new, second]).await?;
    let mut bytes = pattern(5, MIN_PART);
    bytes.extend_from_slice(b"tail");
    same_bytes("get", &room.get("a").await?, &bytes)
}

/// Parts that Complete doesn't name are no part of the object.
pub async fn part_left_out(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, pattern(6, MIN_PART)).await?;
    upload.part(2, "never").await?;
    let third = upload.part(3, "tail").await?;
    upload.finish([first, third]).await?;
    same_bytes(
        "get",
        &room.get("a").await?,
        &[&pattern(6, MIN_PART)[..], b"tail"].concat(),
    )
}

pub async fn wrong_part_etag_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let right = upload.part(1, "one").await?;
    let wrong = part(1, "\"00000000000000000000000000000000\"");
    upload
        .complete([wrong])
        .send()
        .await
        .refused("complete", 400, &["InvalidPart"])?;
    demand!(!room.has("a").await?, "an object appeared");
    upload.finish([right]).await
}

pub async fn absent_part_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, pattern(6, MIN_PART)).await?;
    let absent = part(2, first.e_tag().unwrap_or_default());
    upload
        .complete([first.clone(), absent])
        .send()
        .await
        .refused("complete", 400, &["InvalidPart"])?;
    demand!(!room.has("a").await?, "an object appeared");
    upload.finish([first]).await
}

pub async fn unordered_complete_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, pattern(7, MIN_PART)).await?;
    let second = upload.part(2, pattern(8, MIN_PART)).await?;
    upload.complete([second, first]).send().await.refused(
        "complete",
        400,
        &["InvalidPartOrder"],
    )?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

pub async fn empty_complete_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    upload.complete([]).send().await.refused(
        "complete",
        400,
        &["MalformedXML", "InvalidRequest"],
    )?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

pub async fn small_part_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let small = upload.part(1, pattern(9, MIN_PART - 1)).await?;
    let tail = upload.part(2, "tail").await?;
    upload
        .complete([small, tail.clone()])
        .send()
        .await
        .refused("complete", 400, &["EntityTooSmall"])?;
    demand!(!room.has("a").await?, "an object appeared");
    // It can still be put right.
    let large = upload.part(1, pattern(9, MIN_PART)).await?;
    upload.finish([large, tail]).await
}

pub async fn part_0_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    upload
        .request(0, "x")
        .send()
        .await
        .refused("part 0", 400, &["InvalidArgument"])
}

pub async fn part_10001_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let last = upload.part(10000, "x").await?;
    upload
        .request(10001, "x")
        .send()
        .await
        .refused("part 10001", 400, &["InvalidArgument"])?;
    upload.finish([last]).await?;
    same_bytes("get", &room.get("a").await?, b"x")
}

pub async fn abort(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    upload.part(1, "x").await?;
    upload.abort().await?;
    upload.request(2, "x").send().await.refused(
        "part of an aborted upload",
        404,
        &["NoSuchUpload"],
    )?;
    let list = room
        .client
        .list_parts()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .upload_id(&upload.id)
        .send()
        .await;
    list.refused("parts of an aborted upload", 404, &["NoSuchUpload"])?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

pub async fn complete_after_abort_refused(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, "x").await?;
    upload.abort().await?;
    upload
        .complete([first])
        .send()
        .await
        .refused("complete", 404, &["NoSuchUpload"])?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

/// Ids that were never given out, some of which could be mistaken for something else.
pub async fn unknown_upload(room: Room) -> Outcome {
    for id in ["00000000000000000000000000000000", "../../meta", "a b", "."] {
        let upload = room
            .client
            .upload_part()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .upload_id(id)
            .part_number(1);
        upload
            .body(b"x".to_vec().into())
            .send()
            .await
            .refused(id, 404, &["NoSuchUpload"])?;
        let abort = room
            .client
            .abort_multipart_upload()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .upload_id(id);
        abort.send().await.refused(id, 404, &["NoSuchUpload"])?;
    }
    // An upload belongs to one key.
    let upload = Upload::start(&room, "a").await?;
    let other = room
        .client
        .upload_part()
        .bucket(&room.bucket)
        .key(room.key("b"))
        .upload_id(&upload.id)
        .part_number(1);
    other.body(b"x".to_vec().into()).send().await.refused(
        "another key's upload",
        404,
        &["NoSuchUpload"],
    )
}

pub async fn complete_reply_has_etag(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, "x").await?;
    let reply = upload.complete([first]).send().await.done("complete")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    same("ETag in the reply", bare(reply.e_tag()), bare(head.e_tag()))
}

/// The first reply may have been lost, so the second one must not say that there is no such upload.
pub async fn complete_repeated(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, "x").await?;
    upload.finish([first.clone()]).await?;
    upload
        .complete([first])
        .send()
        .await
        .done("complete again")?;
    same_bytes("get", &room.get("a").await?, b"x")
}

pub async fn two_uploads_of_one_key(room: Room) -> Outcome {
    let one = Upload::start(&room, "a").await?;
    let two = Upload::start(&room, "a").await?;
    demand!(one.id != two.id, "two uploads have one id");
    let of_one = one.part(1, "one").await?;
    let of_two = two.part(1, "two").await?;
    two.finish([of_two]).await?;
    same_bytes("get", &room.get("a").await?, b"two")?;
    one.finish([of_one]).await?;
    same_bytes("get", &room.get("a").await?, b"one")
}

pub async fn metadata_of_upload(room: Room) -> Outcome {
    let upload = Upload::start_with(&room, "a", |create| {
        create
            .metadata("token", "0123abcd")
            .content_type("application/x-tar")
    })
    .await?;
    let first = upload.part(1, "x").await?;
    upload.finish([first]).await?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    let token = head.metadata().and_then(|all| all.get("token"));
    same("metadata", token.map(String::as_str), Some("0123abcd"))?;
    same(
        "Content-Type",
        head.content_type(),
        Some("application/x-tar"),
    )
}
