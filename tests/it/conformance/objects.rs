//! Objects whole: put, get, head, delete, ranges, conditions on reading.

use super::Outcome;
use super::answers::{Answer, bare, body, demand, pattern, same, same_bytes};
use super::store::Room;

pub async fn put_get_head_delete(room: Room) -> Outcome {
    let bytes = pattern(1, 100_000);
    let etag = room.put("a", bytes.clone()).await?;
    demand!(
        etag.starts_with('"') && etag.ends_with('"'),
        "the ETag {etag} has no quotes"
    );

    let got = room
        .client
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("get")?;
    same("length by GET", got.content_length(), Some(100_000))?;
    same("ETag by GET", bare(got.e_tag()), bare(Some(&etag)))?;
    same("Accept-Ranges", got.accept_ranges(), Some("bytes"))?;
    demand!(got.last_modified().is_some(), "GET has no Last-Modified");
    same_bytes("get", &body(got.body).await?, &bytes)?;

    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    same("length by HEAD", head.content_length(), Some(100_000))?;
    same("ETag by HEAD", bare(head.e_tag()), bare(Some(&etag)))?;
    demand!(head.last_modified().is_some(), "HEAD has no Last-Modified");

    room.client
        .delete_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("delete")?;
    demand!(!room.has("a").await?, "still there after DELETE");
    // Deleting what isn't there is no error.
    room.client
        .delete_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("delete again")?;
    Ok(())
}

pub async fn empty_object(room: Room) -> Outcome {
    room.put("empty", "").await?;
    same_bytes("get", &room.get("empty").await?, b"")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("empty"))
        .send()
        .await
        .done("head")?;
    same("length", head.content_length(), Some(0))
}

pub async fn object_of_12_mib(room: Room) -> Outcome {
    let bytes = pattern(2, (12 << 20) + 17);
    room.put("large", bytes.clone()).await?;
    same_bytes("get", &room.get("large").await?, &bytes)
}

pub async fn overwrite_replaces_all(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"));
    put.metadata("old", "1")
        .content_type("text/plain")
        .body(pattern(1, 5000).into())
        .send()
        .await
        .done("put")?;
    let new = room.put("a", pattern(2, 300)).await?;
    let got = room
        .client
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("get")?;
    same("ETag", bare(got.e_tag()), bare(Some(&new)))?;
    same(
        "metadata",
        got.metadata().map_or(0, std::collections::HashMap::len),
        0,
    )?;
    demand!(
        got.content_type() != Some("text/plain"),
        "the old content type is still there"
    );
    same_bytes("get", &body(got.body).await?, &pattern(2, 300))
}

pub async fn missing_object(room: Room) -> Outcome {
    let get = room
        .client
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("none"))
        .send()
        .await;
    get.refused("get of a missing object", 404, &["NoSuchKey"])?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("none"))
        .send()
        .await;
    head.refused("head of a missing object", 404, &[])
}

pub async fn missing_bucket(room: Room) -> Outcome {
    let bucket = "s3pipes-no-such-bucket-9f3a";
    let get = room
        .client
        .get_object()
        .bucket(bucket)
        .key("a")
        .send()
        .await;
    get.refused("get from a missing bucket", 404, &["NoSuchBucket"])?;
    let put = room
        .client
        .put_object()
        .bucket(bucket)
        .key("a")
        .body(b"x".to_vec().into())
        .send()
        .await;
    put.refused("put into a missing bucket", 404, &["NoSuchBucket"])?;
    let list = room.client.list_objects_v2().bucket(bucket).send().await;
    list.refused("list a missing bucket", 404, &["NoSuchBucket"])?;
    let create = room
        .client
        .create_multipart_upload()
        .bucket(bucket)
        .key("a")
        .send()
        .await;
    create.refused(
        "start an upload into a missing bucket",
        404,
        &["NoSuchBucket"],
    )
}

pub async fn ranges(room: Room) -> Outcome {
    let bytes = pattern(3, 1000);
    room.put("a", bytes.clone()).await?;
    for (range, first, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=990-", 990, 1000),
        ("bytes=-7", 993, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=900-5000", 900, 1000),
        ("bytes=999-999", 999, 1000),
    ] {
        let get = room
            .client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .range(range);
        let got = get.send().await.done(range)?;
        same(
            range,
            got.content_range(),
            Some(format!("bytes {first}-{}/1000", end - 1).as_str()),
        )?;
        same(
            range,
            got.content_length(),
            Some(i64::try_from(end - first).unwrap()),
        )?;
        same_bytes(range, &body(got.body).await?, &bytes[first..end])?;
    }
    Ok(())
}

pub async fn range_outside(room: Room) -> Outcome {
    room.put("a", pattern(3, 1000)).await?;
    for range in ["bytes=1000-", "bytes=1000-1001", "bytes=5000-6000"] {
        let get = room
            .client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .range(range);
        get.send().await.refused(range, 416, &["InvalidRange"])?;
    }
    Ok(())
}

pub async fn get_if_match(room: Room) -> Outcome {
    let etag = room.put("a", "one").await?;
    let get = || {
        room.client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
    };
    let head = || {
        room.client
            .head_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
    };
    get()
        .if_match(&etag)
        .send()
        .await
        .done("get if it is this")?;
    head()
        .if_match(&etag)
        .send()
        .await
        .done("head if it is this")?;
    get()
        .if_match(&etag)
        .range("bytes=1-1")
        .send()
        .await
        .done("get a range if it is this")?;
    room.put("a", "two").await?;
    get().if_match(&etag).send().await.refused(
        "get if it is the old one",
        412,
        &["PreconditionFailed"],
    )?;
    get()
        .if_match(&etag)
        .range("bytes=1-1")
        .send()
        .await
        .refused("a range of the old one", 412, &["PreconditionFailed"])?;
    head()
        .if_match(&etag)
        .send()
        .await
        .refused("head if it is the old one", 412, &[])
}

pub async fn get_if_none_match(room: Room) -> Outcome {
    let etag = room.put("a", "one").await?;
    let get = || {
        room.client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
    };
    get()
        .if_none_match(&etag)
        .send()
        .await
        .refused("get unless it is this", 304, &[])?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .if_none_match(&etag);
    head.send()
        .await
        .refused("head unless it is this", 304, &[])?;
    room.put("a", "two").await?;
    let got = get()
        .if_none_match(&etag)
        .send()
        .await
        .done("get unless it is the old one")?;
    same_bytes("get", &body(got.body).await?, b"two")
}

/// Whoever reads while the object is replaced sees one version of it: body, length, ETag and metadata belong together.
pub async fn readers_see_one_whole_object(room: Room) -> Outcome {
    const ROUNDS: usize = 30;
    let versions: Vec<Vec<u8>> = (0..2)
        .map(|n| pattern(n, 300_000 + usize::try_from(n).unwrap() * 70_000))
        .collect();
    let write = |round: usize| {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(room.key("a"));
        put.metadata("version", (round % 2).to_string())
            .body(versions[round % 2].clone().into())
            .send()
    };
    write(0).await.done("put")?;
    let writer = async {
        for round in 1..ROUNDS {
            write(round).await.done("overwrite")?;
        }
        Ok::<(), String>(())
    };
    let reader = async {
        for _ in 0..ROUNDS {
            let got = room
                .client
                .get_object()
                .bucket(&room.bucket)
                .key(room.key("a"))
                .send()
                .await
                .done("get")?;
            let said = got
                .metadata()
                .and_then(|all| all.get("version"))
                .cloned()
                .unwrap_or_default();
            let version: usize = said
                .parse()
                .map_err(|_| format!("the metadata say version '{said}'"))?;
            let length = got.content_length();
            // The writer's turn, in the middle of our reading.
            tokio::task::yield_now().await;
            let bytes = body(got.body).await?;
            same(
                "length",
                length,
                Some(i64::try_from(versions[version].len()).unwrap()),
            )?;
            same_bytes(
                "body of the version that the metadata name",
                &bytes,
                &versions[version],
            )?;
        }
        Ok::<(), String>(())
    };
    let (written, read) = tokio::join!(writer, reader);
    written.and(read)
}
